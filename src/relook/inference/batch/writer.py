"""The files of single images that a prediction leaves on disk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ...data.panoptic.writer import write_map
from ...data.sources.stored import AnyImage, stem_of
from ...errors import UsageError, did_you_mean
from ...ops.rle import decode_window
from ...runtime.files import replacing, write_text
from ..results import Result
from .label_tiff import write_label_tiff

KINDS: Final = ("overlay", "coco", "masks", "panoptic")
"""Kinds of files: `Writer` describes them, and ``coco`` is predictions.json."""


def check_kinds(kinds: Collection[str], *, panoptic: bool) -> tuple[str, ...]:
    """`kinds` sorted, each once; `panoptic` says whether there will be panoptic maps.

    Raises:
        UsageError: U01 for an unknown kind, U04 for one that has nothing to save.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError("U01", f"save: unknown kind {kind!r}; {did_you_mean(kind, KINDS)}")
        if kind == "panoptic" and not panoptic:
            raise UsageError(
                "U04",
                "save panoptic: nothing panoptic is made. Add --task panoptic, in Python "
                "panoptic=True.",
            )
    return tuple(sorted(set(kinds)))


def output_names(images: Iterable[str | AnyImage]) -> dict[str, str]:
    """Source -> the name of its files: that of the image without its suffix (see `stem_of`).

    Images of the same name from several folders get ``NAME-2``, ``NAME-3``, ... in the order of
    `images`, so that names do not depend on which images are done first.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for image in images:
        stem = stem_of(image)
        name, number = stem, 1
        while name.casefold() in taken:  # some file systems do not tell a from A
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names[str(image)] = name
    return names


class Writer:
    """Writes the files of single images into one folder.

    ``overlay/NAME.jpg`` is the image with its objects, ``masks/NAME.png`` holds the number of the
    object at every pixel (0: none; the better object where two overlap) with ``masks/NAME.json``
    beside it, ``panoptic/NAME.png`` the ids of its segments as COCO has them. Of an image that is
    too large to be kept, the overlay is at reduced size and the numbers are in ``masks/NAME.tif``.
    With `labels` off, there are no words in the overlay.
    """

    def __init__(self, folder: Path, kinds: Collection[str], labels: str = "auto") -> None:
        self._folder, self._kinds = folder, frozenset(kinds)
        self._words: dict[str, Any] = {}
        if labels == "off":
            self._words = {"text": False, "legend": False}

    def write(self, result: Result, name: str) -> dict[str, Any]:
        """Write what belongs to one image, whose files are called `name`; what the image's record
        in the journal has to keep of it.

        Raises:
            RelookError: R02 when a file cannot be written.
        """
        if "overlay" in self._kinds:
            if result.panoptic is None:
                picture = result.draw(**self._words)
            else:
                picture = result.draw_panoptic(text=self._words.get("text"))
            with replacing(self._folder / "overlay" / f"{name}.jpg") as draft:
                picture.convert("RGB").save(draft, "JPEG", quality=92, subsampling=0)
        if "masks" in self._kinds:
            self._write_masks(result, name)
        if "panoptic" in self._kinds and result.panoptic is not None:
            return {
                "segments": write_map(self._folder / "panoptic" / f"{name}.png", result.panoptic)
            }
        return {}

    def _write_masks(self, result: Result, name: str) -> None:
        if result.overview is not None:
            with replacing(self._folder / "masks" / f"{name}.tif") as draft:
                pixels = write_label_tiff(draft, result)
        else:
            numbers = number_objects(result)
            with replacing(self._folder / "masks" / f"{name}.png") as draft:
                Image.fromarray(numbers).save(draft, "PNG")
            pixels = np.bincount(numbers.ravel(), minlength=len(result) + 1)[1:]
        rows = zip(result.names, result.labels, result.scores, pixels, strict=True)
        objects = [
            {
                "number": number,
                "name": class_name,
                "category_id": result.classes[int(label)].id,
                "score": round(float(score), 5),
                "visible_pixels": int(count),
            }
            for number, (class_name, label, score, count) in enumerate(rows, start=1)
        ]
        index = {"file": result.source, "objects": objects}
        write_text(self._folder / "masks" / f"{name}.json", json.dumps(index, indent=1) + "\n")


def files_of(name: str, kinds: Collection[str]) -> list[str]:
    """The files that `Writer` makes of an image, relative to its folder."""
    overlay = [f"overlay/{name}.jpg"] if "overlay" in kinds else []
    masks = [f"masks/{name}.png", f"masks/{name}.json"] if "masks" in kinds else []
    panoptic = [f"panoptic/{name}.png"] if "panoptic" in kinds else []
    return overlay + masks + panoptic


def has_file(folder: Path, file: str) -> bool:
    """Return whether one of `files_of` is in `folder`, as PNG or, of a large image, as TIFF."""
    path = folder / file
    return path.is_file() or (file.startswith("masks/") and path.with_suffix(".tif").is_file())


def number_objects(result: Result) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Number of the object seen at every pixel, (H, W) uint16: from 1, the best; 0 for none."""
    numbers = np.zeros(result.size, dtype=np.uint16)
    masks = result.masks or ()
    for number in range(len(masks), 0, -1):  # worst first, so that the best stays on top
        window, left, top = decode_window(masks[number - 1])
        height, width = window.shape
        numbers[top : top + height, left : left + width][window] = number
    return numbers
