"""Meaning of the labels of pixels, and label maps that another model made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...structures.panoptic import PanopticCategory
from ..coco.json_form import parsed, shown
from ..coco.stuff import panoptic_stuff_of_coco_stuff
from ..semantics import read_semantic_map, semantic_map_path

COCO_STUFF: Final = "coco-stuff"
LABELS = 256


@dataclass(frozen=True, slots=True)
class StuffLabels:
    """Label of a pixel -> its kind of stuff. Labels that are not here are things or nothing.

    The labels are those of the model itself, or with a `folder` those in PNG files there, each of
    the name of its image.
    """

    categories: Mapping[int, PanopticCategory]
    folder: Path | None = None

    @classmethod
    def of_model(cls, stuff: Sequence[PanopticCategory]) -> StuffLabels:
        """The labels of a model that was trained on panoptic data: 0, 1, ... in this order."""
        return cls(dict(enumerate(stuff)))

    @classmethod
    def named(cls, name_or_path: str) -> StuffLabels:
        """The labels of COCO-Stuff for the name ``coco-stuff``, else those that a json file lists.

        Its "categories" are as in COCO panoptic files, and those with "isthing": 0 are stuff.
        "labels" gives the category id of each label, as in ``{"91": 92}``; without it the labels
        are 0, 1, ... in the order of ascending ids.

        Raises:
            DataError: D01 or D03 for a file that cannot be read, D04 for one without such a table.
        """
        if name_or_path == COCO_STUFF:
            return cls(panoptic_stuff_of_coco_stuff())
        return cls(_read_table(Path(name_or_path)))

    def in_folder(self, folder: Path) -> StuffLabels:
        """The same labels, to be read from PNG files in `folder`.

        Raises:
            DataError: D01 when there is no such folder.
        """
        if not folder.is_dir():
            raise DataError("D01", f"{folder}: there is no such folder of label maps.")
        return replace(self, folder=folder)

    def read(self, source: str, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The label map (H, W) in `folder` of the image called `source`, of that `size`.

        Raises:
            DataError: D12 when there is none, or none that can be used.
        """
        assert self.folder is not None
        path = semantic_map_path(self.folder, PurePath(source).name)
        return read_semantic_map(path, size, None)


def _read_table(path: Path) -> dict[int, PanopticCategory]:
    top = parsed(path)
    rows = top.get("categories") if isinstance(top, dict) else None
    if not isinstance(top, dict) or not isinstance(rows, list):
        raise _refused(path, 'there is no list "categories" in it')
    stuff = sorted((_category(path, row) for row in rows if _is_stuff(row)), key=lambda c: c.id)
    if not stuff:
        raise _refused(path, 'no category has "isthing": 0')
    by_id = {category.id: category for category in stuff}
    if len(by_id) < len(stuff):
        raise _refused(path, "two categories have one id")
    labels = top.get("labels")
    if labels is None:
        return dict(enumerate(stuff))
    if not isinstance(labels, dict):
        raise _refused(path, f'"labels" is {shown(labels)}, not an object')
    return {_label(path, key): _named(path, by_id, key, value) for key, value in labels.items()}


def _is_stuff(row: Any) -> bool:
    return isinstance(row, dict) and row.get("isthing") == 0


def _category(path: Path, row: Mapping[str, Any]) -> PanopticCategory:
    identity, name = row.get("id"), row.get("name")
    if type(identity) is not int or identity < 1 or not isinstance(name, str) or not name:
        raise _refused(path, f"category {shown(row)} has no id from 1 on, or no name")
    return PanopticCategory(identity, name, False)


def _label(path: Path, key: str) -> int:
    if not key.isdecimal() or not key.isascii() or len(key) > 3 or int(key) >= LABELS - 1:
        raise _refused(path, f'"labels" has {shown(key)}; labels are 0 to {LABELS - 2}')
    return int(key)


def _named(
    path: Path, by_id: Mapping[int, PanopticCategory], label: str, value: object
) -> PanopticCategory:
    if type(value) is not int or value not in by_id:
        raise _refused(
            path, f"label {label} is of category {shown(value)}, which is no stuff there"
        )
    return by_id[value]


def _refused(path: Path, why: str) -> DataError:
    return DataError(
        "D04",
        f"{path.name} does not say what the labels of pixels mean: {why}. Give a json file with "
        'the "categories" of a COCO panoptic file, and "labels" such as {"91": 92}.',
    )
