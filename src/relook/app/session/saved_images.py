"""Images of the file of corrections, as they are in memory and as tables of COCO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, PositiveInt

from ...data.coco.segmentation import checked_runs
from ...structures.detection import Size
from .classes import Classes
from .objects import LONGEST_ID, PageObject, State


@dataclass(frozen=True, slots=True, eq=False)
class SavedImage:
    """The objects of one image as they were saved."""

    size: Size
    objects: tuple[PageObject, ...]
    revision: int = 1
    done: bool = False
    model: str | None = None  # that found the objects at first


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


class _ClassNotes(BaseModel):
    earlier: list[str] = []  # names that the class had before


class _Category(BaseModel):
    id: int
    name: str
    relook: _ClassNotes = _ClassNotes()


class Tables(BaseModel):
    """The tables of a file of corrections."""

    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def images_of(tables: Tables, classes: Classes) -> dict[str, SavedImage]:
    """The images of a file by name; classes of the file that are not known are added.

    Raises:
        KeyError: An annotation of an image or a category that is not there.
        ValueError, DataError: Masks that are none.
    """
    labels = {row.id: classes.read(row.name, row.relook.earlier) for row in tables.categories}
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
