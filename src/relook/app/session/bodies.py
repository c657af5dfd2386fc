"""Bodies of requests of the page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .corrections import MOST_OBJECTS
from .objects import LONGEST_ID

Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Ring = list[Point]
Shape = list[list[Ring]]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True, strict=True)


class ObjectBody(_Body):
    """One object; its box and area are measured anew."""

    id: Annotated[str, Field(max_length=LONGEST_ID)]
    label: Annotated[int, Field(alias="class")]
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    state: Literal["predicted", "accepted", "drawn"]
    shape: Shape

    def record(self) -> dict[str, Any]:
        """The object as `objects.read_object` takes it."""
        return self.model_dump(by_alias=True)


Objects = Annotated[list[ObjectBody], Field(max_length=MOST_OBJECTS)]


class SaveBody(_Body):
    """All objects of an image, and the revision that they come from."""

    revision: Annotated[int, Field(ge=0)]
    objects: Objects
    done: bool = False
    model: str | None = None


class ClassBody(_Body):
    """The name of a new class, as it was typed."""

    name: Annotated[str, Field(max_length=10_000)]


class RenameBody(ClassBody):
    """The new name of a class, and the one that the person saw before."""

    before: Annotated[str, Field(max_length=10_000)]


class RemoveBody(_Body):
    """A class to remove: its name and its number of objects as the person saw them, and the class
    that they get."""

    before: Annotated[str, Field(max_length=10_000)]
    objects: Annotated[int, Field(ge=0)]
    to: int | None = None


class SplitBody(_Body):
    """An object, and a line that cuts it."""

    object: ObjectBody
    line: Ring


class MergeBody(_Body):
    """Objects that become one."""

    objects: Objects


class MeasureBody(_Body):
    """A shape as it was drawn."""

    shape: Shape


class TeachBody(_Body):
    """A training: its images, and how long it may take."""

    ids: Annotated[list[int], Field(min_length=1, max_length=20_000)]
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] | None = None
    steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    model: str | None = None
