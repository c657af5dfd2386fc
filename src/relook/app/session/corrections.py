"""Corrections of a folder's images, in one COCO file beside them.

Masks are run lengths, so that what is opened again is what was saved, pixel by pixel. Fields of the
app stand below ``relook`` of images and annotations, which other programs leave alone. An image
that was saved without objects is in the file as well: it shows background.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..._version import __version__
from ...data.sources.stored import stamp_of
from ...errors import DataError, RelookError, UsageError
from ...ops.rle import encode_runs
from ...runtime.files import write_text
from ...runtime.json_files import read_json
from ...structures.detection import Size
from .classes import Classes
from .objects import PageObject
from .saved_images import SavedImage, Tables, images_of
from .shapes import box_of

FILE: Final = "relook-corrections.json"
FORMAT: Final = 1
MOST_OBJECTS: Final = 20_000  # of one image
DESCRIPTION: Final = "Objects corrected in relook app"


class Outdated(RelookError):
    """Another page has saved the image in between.

    Args:
        name: Name of the image.
        revision: The newest one.
    """

    def __init__(self, name: str, revision: int) -> None:
        super().__init__(
            "R07",
            f"{name} was saved by another page in between (revision {revision}). Load its objects "
            "again, and repeat the change.",
        )
        self.revision = revision


class Corrections:
    """The file of corrections of one folder. Threads may share it.

    Labels of objects are rows in `classes`.

    Args:
        folder: Of the images.
        classes: Of the project; those of the file are added.

    Raises:
        UsageError: U04 for a file of this name that the app has not written.
        DataError: D03 for one that is damaged.
    """

    def __init__(self, folder: Path, classes: Classes) -> None:
        self.path = folder / FILE
        self._classes = classes
        self._images: dict[str, SavedImage] = {}
        self._rows: dict[str, _Rows] = {}
        self._lock = threading.Lock()
        self._stamp = stamp_of(self.path)
        if self.path.exists():
            self._read()

    def get(self, name: str) -> SavedImage | None:
        """Corrections of an image as they were saved; None for an image that was not."""
        return self._images.get(name)

    def names(self) -> list[str]:
        """Names of the images that were saved."""
        return list(self._images)

    def save(
        self,
        name: str,
        size: Size,
        objects: Sequence[PageObject],
        *,
        revision: int,
        done: bool,
        model: str | None,
    ) -> int:
        """Save the objects of an image; the new revision.

        A class that was removed in between is there again with an object that has it.

        Raises:
            Outdated: `revision` is not that of what is saved.
            RelookError: R02 when the file cannot be written, R07 when another program has changed
                it; nothing is then changed.
        """
        with self._lock:
            before = self._images.get(name)
            newest = 0 if before is None else before.revision
            if revision != newest:
                raise Outdated(name, newest)
            self._check_unchanged()
            model = before.model if before is not None else model
            kept = (replace(item, label=self._classes.kept(item.label)) for item in objects)
            image = SavedImage(size, tuple(kept), newest + 1, done, model)
            self._write({name: image}, self._classes)
            return image.revision

    def write_classes(self, classes: Classes) -> None:
        """Write the file with other classes, of the same rows; raises as `save`."""
        with self._lock:
            self._check_unchanged()
            self._write({}, classes)

    def count(self, label: int) -> tuple[int, int]:
        """Number of the saved objects of a class, and of the images that have any."""
        numbers = [sum(o.label == label for o in i.objects) for i in self._images.values()]
        return sum(numbers), sum(map(bool, numbers))

    def move(self, label: int, to: int) -> None:
        """Give all objects of one class another one, and their images a new revision; raises as
        `save`, and nothing is then changed."""
        with self._lock:
            self._check_unchanged()
            changed = {
                name: replace(
                    image,
                    revision=image.revision + 1,
                    objects=tuple(
                        replace(item, label=to) if item.label == label else item
                        for item in image.objects
                    ),
                )
                for name, image in self._images.items()
                if any(item.label == label for item in image.objects)
            }
            if changed:
                self._write(changed, self._classes)

    def _write(self, changed: Mapping[str, SavedImage], classes: Classes) -> None:
        """Write the file with these images in place of what they were."""
        images = {**self._images, **changed}
        numbers = {name: number for number, name in enumerate(images, start=1)}
        new = {name: _Rows.of(name, image, numbers[name]) for name, image in changed.items()}
        rows = {**self._rows, **new}
        write_text(self.path, _text(rows, classes))
        self._images, self._rows = images, rows
        self._stamp = stamp_of(self.path)

    def _check_unchanged(self) -> None:
        if stamp_of(self.path) != self._stamp and self.path.exists():
            raise RelookError(
                "R07",
                f"{self.path} was changed by another program since it was opened, and is not "
                "written over. Move it away to save what is on the page, or stop relook app and "
                "start it again to go on with that file.",
            )

    def _read(self) -> None:
        remedy = "Move it away to start anew; it has your corrections, so keep it."
        content = read_json(self.path, dict[str, Any], remedy)
        info = content.get("info")
        ours = info.get("relook_app") if isinstance(info, Mapping) else None
        if type(ours) is not int:
            raise UsageError(
                "U04",
                f"{self.path} was not written by relook app, and is not written over. Move it or "
                "give it another name.",
            )
        if ours > FORMAT:
            raise DataError(
                "D03", f"{self.path} was written by a newer relook. Install that version."
            )
        tables = read_json(self.path, Tables, remedy)
        try:
            self._images = images_of(tables, self._classes)
        except (KeyError, ValueError, DataError) as error:
            raise DataError("D03", f"{self.path} is damaged ({error}). {remedy}") from None
        self._rows = {
            name: _Rows.of(name, image, number)
            for number, (name, image) in enumerate(self._images.items(), start=1)
        }


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one image as json, made once for many saves of other images."""

    image: str
    annotations: str

    @classmethod
    def of(cls, name: str, image: SavedImage, number: int) -> _Rows:
        height, width = image.size
        notes = {"revision": image.revision, "done": image.done, "model": image.model}
        row = {"id": number, "file_name": name, "width": width, "height": height, "relook": notes}
        first = number * MOST_OBJECTS + 1
        objects = (
            json.dumps(annotation(entry, image.size, number, place))
            for place, entry in enumerate(image.objects, start=first)
        )
        return cls(json.dumps(row), ",\n".join(objects))


def annotation(entry: PageObject, size: Size, image_id: int, number: int) -> dict[str, Any]:
    """A COCO annotation of an object; categories are numbered from 1 by its class."""
    x1, y1, x2, y2 = box_of(entry.runs, size[0])
    row: dict[str, Any] = {
        "id": number,
        "image_id": image_id,
        "category_id": entry.label + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": entry.runs.area,
        "iscrowd": 0,
        "segmentation": encode_runs(entry.runs, size),
        "relook": {"id": entry.id, "state": entry.state},
    }
    return row if entry.score is None else {**row, "score": entry.score}


def _text(rows: Mapping[str, _Rows], classes: Classes) -> str:
    """The COCO file of images."""
    info = {"description": DESCRIPTION, "relook_app": FORMAT, "version": __version__}
    categories = [_category(row, name, classes.earlier(row)) for row, name in classes.rows()]
    images = ",\n".join(entry.image for entry in rows.values())
    annotations = ",\n".join(entry.annotations for entry in rows.values() if entry.annotations)
    return (
        f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(categories)},\n'
        f'"images": [\n{images}\n],\n"annotations": [\n{annotations}\n]}}\n'
    )


def _category(label: int, name: str, earlier: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": label + 1, "name": name}
    return {**row, "relook": {"earlier": list(earlier)}} if earlier else row
