"""Names of the classes of a foreign checkpoint, from the most reliable source that has them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..data.coco.records import Category
from ..errors import DataError, ModelError, UsageError


class Named(NamedTuple):
    """The classes, position = label, and the source of their names."""

    classes: tuple[Category, ...]
    why: str
    missing: bool  # the names are made up


@functools.cache
def coco_classes() -> tuple[Category, ...]:
    """The 80 classes of COCO, in ascending order of their ids (1 to 90)."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    names = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    return tuple(Category(i, name) for i, name in enumerate(names) if i > 0 and name != "N/A")


def names_in(meta: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in a file: `CLASSES`, `classes`, or either inside `dataset_meta`."""
    inner = meta.get("dataset_meta")
    places = [meta, inner] if isinstance(inner, Mapping) else [meta]
    for place in places:
        for key in ("CLASSES", "classes"):
            names = place.get(key)
            if isinstance(names, str):
                return (names,)
            if isinstance(names, Sequence) and names and all(isinstance(n, str) for n in names):
                return tuple(names)
    return None


def name_classes(
    num_classes: int,
    meta: Mapping[str, Any],
    user_names: Path | Sequence[str] | None = None,
    configured: Sequence[str] | None = None,
    *,
    may_be_coco: bool = True,
) -> Named:
    """Names for `num_classes` labels: `user_names`, else the configuration's, else the file's,
    else COCO's when there are 80 and nothing else is named, else ``class_0``, ``class_1``, ...

    Names that are COCO's, in COCO's order, get COCO's ids; others are numbered from 1. A name that
    a file has twice gets a number. `may_be_coco` is off where a configuration has other names,
    which cannot be used.

    Raises:
        DataError: D01 when the file of names does not exist.
        UsageError: U03 when names are not text, are empty or are not unique.
        ModelError: M04 when the number of `user_names` or `configured` is not that of the model's
            outputs.
    """
    if user_names is not None:
        named_file = isinstance(user_names, str | Path)
        names = (
            _read_names(Path(user_names))
            if isinstance(user_names, str | Path)
            else tuple(user_names)
        )
        where = f"the names in {user_names}" if named_file else "the names given"
        return Named(_categories(_as_many(names, num_classes, where)), where, False)
    if configured is not None:
        where = "the configuration file"
        return Named(_categories(_as_many(configured, num_classes, where)), where, False)
    names = names_in(meta) or ()
    if len(names) == num_classes and all(names):
        unique = told_apart(names)
        twice = sum(a != b for a, b in zip(names, unique, strict=True))
        numbered = f"; {twice} that came before got a number" if twice else ""
        return Named(_categories(unique), f"meta of the file{numbered}", False)
    unusable = f" (its meta names {len(names)}, which do not fit)" if names else ""
    if num_classes == len(coco_classes()) and may_be_coco and not names:
        return Named(coco_classes(), "80 classes are taken to be COCO's", True)
    made_up = [f"class_{i}" for i in range(num_classes)]
    return Named(_categories(made_up), f"the file names no classes that fit{unusable}", True)


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each that came before with a number: ``cell``, ``cell (2)``."""
    unique: list[str] = []
    for name in names:
        number, text = 1, name
        while text in unique:
            number += 1
            text = f"{name} ({number})"
        unique.append(text)
    return tuple(unique)


def _categories(names: Sequence[str]) -> tuple[Category, ...]:
    if tuple(names) == tuple(c.name for c in coco_classes()):
        return coco_classes()
    return tuple(Category(i, name) for i, name in enumerate(names, start=1))


def _read_names(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise DataError("D01", f"{path}: there is no such file of class names, one a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError("U03", f"{path}: not a text file of class names ({error})") from error
    return tuple(line.strip() for line in lines if line.strip())


def _as_many(names: Sequence[Any], num_classes: int, where: str) -> tuple[str, ...]:
    if not all(isinstance(name, str) and name for name in names):
        raise UsageError("U03", f"{where}: a class name must be text, and not empty")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UsageError("U03", f"{where}: {', '.join(twice[:5])} comes twice")
    if len(names) != num_classes:
        raise ModelError(
            "M04",
            f"{where}: {len(names)} classes, and the model has {num_classes}. Give one "
            "name for each, in the order of the training's labels.",
        )
    return tuple(names)
