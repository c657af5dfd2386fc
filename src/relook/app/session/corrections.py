"""Corrections of a folder's images, in one COCO file beside them.

Masks are run lengths, so that what is opened again is what was saved, pixel by pixel. Fields of the
app stand below ``relook`` of images and annotations, which other programs leave alone. An image
that was saved without objects is in the file as well: it shows background.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, PositiveInt

from ..._version import __version__
from ...data.coco.segmentation import checked_runs
from ...data.sources.stored import stamp_of
from ...errors import DataError, RelookError, UsageError
from ...ops.rle import encode_runs
from ...runtime.files import write_text
from ...runtime.json_files import read_json
from ...structures.detection import Size
from .classes import label_of, new_name
from .objects import LONGEST_ID, PageObject, State
from .shapes import box_of

FILE: Final = "relook-corrections.json"
FORMAT: Final = 1
MOST_OBJECTS: Final = 20_000  # of one image
DESCRIPTION: Final = "Objects corrected in relook app"


@dataclass(frozen=True, slots=True, eq=False)
class SavedImage:
    """The objects of one image as they were saved."""

    size: Size
    objects: tuple[PageObject, ...]
    revision: int = 1
    done: bool = False
    model: str | None = None  # that found the objects at first


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

    Labels of objects are rows in `classes`, a list that may grow and never changes its order.

    Args:
        folder: Of the images.
        classes: Names of all classes; those of the file are added.

    Raises:
        UsageError: U04 for a file of this name that the app has not written.
        DataError: D03 for one that is damaged.
    """

    def __init__(self, folder: Path, classes: list[str]) -> None:
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
            image = SavedImage(size, tuple(objects), newest + 1, done, model)
            images = {**self._images, name: image}
            number = list(images).index(name) + 1
            rows = {**self._rows, name: _Rows.of(name, image, number)}
            write_text(self.path, _text(rows, self._classes))
            self._images, self._rows = images, rows
            self._stamp = stamp_of(self.path)
            return image.revision

    def add_class(self, text: str) -> int:
        """Add a class that a person names, and save it; its label.

        Raises:
            UsageError: as `new_name`.
            RelookError: as `save`; there is then no such class.
        """
        with self._lock:
            name = new_name(text, self._classes)
            self._check_unchanged()
            write_text(self.path, _text(self._rows, [*self._classes, name]))
            self._stamp = stamp_of(self.path)
            return label_of(name, self._classes)

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
        tables = read_json(self.path, _Tables, remedy)
        try:
            self._images = _images_of(tables, self._classes)
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


def _text(rows: Mapping[str, _Rows], names: Sequence[str]) -> str:
    """The COCO file of images."""
    info = {"description": DESCRIPTION, "relook_app": FORMAT, "version": __version__}
    classes = [{"id": row, "name": name} for row, name in enumerate(names, start=1)]
    images = ",\n".join(entry.image for entry in rows.values())
    annotations = ",\n".join(entry.annotations for entry in rows.values() if entry.annotations)
    return (
        f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(classes)},\n'
        f'"images": [\n{images}\n],\n"annotations": [\n{annotations}\n]}}\n'
    )


class _ImageNotes(BaseModel):
    revision: PositiveInt = 1
    done: bool = False
    model: str | None = None


class _ObjectNotes(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    state: State = "drawn"


class _Image(BaseModel):
    id: int
    file_name: str
    width: PositiveInt
    height: PositiveInt
    relook: _ImageNotes


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    segmentation: dict[str, Any]
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    relook: _ObjectNotes


class _Category(BaseModel):
    id: int
    name: str


class _Tables(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def _images_of(tables: _Tables, classes: list[str]) -> dict[str, SavedImage]:
    """The images of a file by name; classes of the file that are not known are added."""
    labels = {row.id: label_of(row.name, classes) for row in tables.categories}
    objects: dict[int, list[PageObject]] = {row.id: [] for row in tables.images}
    sizes = {row.id: (row.height, row.width) for row in tables.images}
    for row in tables.annotations:
        objects[row.image_id].append(
            PageObject(
                row.relook.id,
                labels[row.category_id],
                row.score,
                row.relook.state,
                checked_runs(row.segmentation, sizes[row.image_id]),
            )
        )
    return {
        row.file_name: SavedImage(
            sizes[row.id],
            tuple(objects[row.id]),
            row.relook.revision,
            row.relook.done,
            row.relook.model,
        )
        for row in tables.images
    }
