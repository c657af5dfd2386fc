"""From one entry of "annotations" to one object: what is an error, what is left out, what is kept.

An entry that cannot mean anything (a box of text, a code that does not fit the image) is an
error. An entry that means an object no detector can learn (no area, outside of the image) is left
out, as the reference does, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DataError
from .json_form import Entry, finite_of, shown
from .records import ObjectRecord
from .segmentation import (
    EmptyMaskError,
    MalformedMaskError,
    Segmentation,
    checked,
    enclosing_box,
    runs_of,
)

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Ledger:
    """Counts of what was left out or changed, with the first annotation each happened to."""

    skipped: Counter[str] = field(default_factory=Counter)
    adjusted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str, identity: int) -> None:
        """Count an object that is left out."""
        self.skipped[reason] += 1
        self.examples.setdefault(reason, identity)

    def adjust(self, change: str, identity: int) -> None:
        """Count an object that is kept but changed."""
        self.adjusted[change] += 1
        self.examples.setdefault(change, identity)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Image that an annotation has to fit."""

    file_name: str
    width: int
    height: int
    turn: int = 1  # orientation by which annotations of this size are turned upright
    orientation: int = 1  # of the image as it is stored


@dataclass(frozen=True, slots=True)
class AnnotationReader:
    """Reads the annotations of one file; `ledger` tells afterwards what was left out."""

    path: Path
    images: Mapping[int, ImageHeader]
    labels: Mapping[int, int]  # category id -> label
    names: Mapping[int, str]  # category id -> name, for messages
    with_masks: bool
    ignore_unknown: bool
    ledger: Ledger = field(default_factory=Ledger)

    def read(self, identity: int, entry: Entry) -> tuple[int, ObjectRecord] | None:
        """(image id, object), or None if it is left out.

        Raises:
            DataError: D04, D06, D07, D08, D09, D13, naming file, annotation, image and remedy.
        """
        image_id, image = self._image(identity, entry)
        label = self._label(identity, entry, image)
        if label is None:
            return None
        box = self._box(identity, entry, image)
        area = self._area(identity, entry, image)
        is_crowd = self._is_crowd(identity, entry, image)
        reason = _why_useless(entry, box, area, image)
        if reason:
            self.ledger.skip(reason, identity)
            return None
        try:
            segmentation = self._segmentation(identity, entry, image, box)
        except EmptyMaskError as empty:
            self.ledger.skip(str(empty), identity)
            return None
        if box is None and segmentation is not None:
            runs = runs_of(segmentation, image.height, image.width)
            box = enclosing_box(runs, image.height)
            self.ledger.adjust("box computed from the mask", identity)
        assert box is not None  # _segmentation has seen to it
        clipped = _clipped(box, image)
        if clipped != box:
            self.ledger.adjust("box clipped to the image", identity)
        if area is None:
            area = (clipped[2] - clipped[0]) * (clipped[3] - clipped[1])
        kept = segmentation if self.with_masks else None
        return image_id, ObjectRecord(identity, label, clipped, kept, is_crowd, area)

    def _image(self, identity: int, entry: Entry) -> tuple[int, ImageHeader]:
        image_id = entry.get("image_id")
        if type(image_id) is int and image_id in self.images:
            return image_id, self.images[image_id]
        raise DataError(
            "D06",
            f"{self.path.name}: annotation {identity} has image_id {shown(image_id)}, which is "
            'not in "images". Add the image, or remove the annotation.',
        )

    def _label(self, identity: int, entry: Entry, image: ImageHeader) -> int | None:
        category = entry.get("category_id")
        if type(category) is int and category in self.labels:
            return self.labels[category]
        name = self.names.get(category) if type(category) is int else None
        if self.ignore_unknown:
            reason = "unknown category" if name is None else "class that the model does not have"
            self.ledger.skip(reason, identity)
            return None
        if name is not None:
            raise self._error(
                "D13",
                identity,
                image,
                f"is a {name!r}, which is not among the classes of the model. "
                "Train with it, or pass --ignore-unknown to leave such objects out",
            )
        listed = ", ".join(f"{key} {name}" for key, name in sorted(self.names.items())[:8])
        more = f" and {len(self.names) - 8} more" if len(self.names) > 8 else ""
        raise self._error(
            "D07",
            identity,
            image,
            f'has category_id {shown(category)}, but "categories" has {listed or "none"}{more}. '
            "Fix the file, or pass --ignore-unknown to leave such objects out",
        )

    def _box(self, identity: int, entry: Entry, image: ImageHeader) -> Box | None:
        """(x1, y1, x2, y2) as annotated; None if there is none."""
        values = entry.get("bbox")
        if values is None or values == []:
            return None
        numbers = [finite_of(value) for value in values] if isinstance(values, list) else []
        if len(numbers) == 4:
            x, y, width, height = numbers
            if x is not None and y is not None and width is not None and height is not None:
                return x, y, x + width, y + height
        raise self._error(
            "D08",
            identity,
            image,
            f"has bbox {shown(values)}, which is not [x, y, width, height] in finite numbers. "
            "Fix it, or remove the bbox to have it computed from the mask",
        )

    def _area(self, identity: int, entry: Entry, image: ImageHeader) -> float | None:
        value = entry.get("area")
        if value is None:
            return None
        area = finite_of(value)
        if area is None:
            raise self._error(
                "D04",
                identity,
                image,
                f"has area {shown(value)}, which is no finite number. Fix or remove it",
            )
        return area

    def _is_crowd(self, identity: int, entry: Entry, image: ImageHeader) -> bool:
        value = entry.get("iscrowd")
        if value is None or (isinstance(value, int) and value in (0, 1)):
            return bool(value)
        raise self._error(
            "D04", identity, image, f"has iscrowd {shown(value)}, which is neither 0 nor 1. Fix it"
        )

    def _segmentation(
        self, identity: int, entry: Entry, image: ImageHeader, box: Box | None
    ) -> Segmentation | None:
        """The checked mask, where the mask itself or a box from it is needed.

        Raises:
            EmptyMaskError: the object is to be left out for this reason.
        """
        value = entry.get("segmentation")
        if not value:
            if box is None:
                raise self._error(
                    "D08",
                    identity,
                    image,
                    "has neither a bbox nor a segmentation. Add one of them, or remove it",
                )
            if self.with_masks:
                raise EmptyMaskError("no mask, while others have one")
            return None
        if not self.with_masks and box is not None:
            return None
        try:
            segmentation, left_out = checked(value, image.height, image.width)
        except MalformedMaskError as error:
            raise self._error(
                "D09",
                identity,
                image,
                f"has a segmentation that {error}. Fix it, or remove the annotation",
            ) from None
        if left_out:
            self.ledger.adjust("parts of a polygon without area left out", identity)
        return segmentation

    def _error(self, code: str, identity: int, image: ImageHeader, what: str) -> DataError:
        return DataError(
            code,
            f'{self.path.name}: annotation {identity} (image "{image.file_name}") {what}.',
        )


def _why_useless(entry: Entry, box: Box | None, area: float | None, image: ImageHeader) -> str:
    """The reason to leave an object out, as the reference does; empty if there is none."""
    if entry.get("ignore"):
        return "marked ignore"
    if area is not None and area <= 0:
        return "area is 0 or less"
    if box is None:
        return ""
    x1, y1, x2, y2 = box
    if x2 - x1 < 1 or y2 - y1 < 1:
        return "box narrower or lower than 1 pixel"
    if x1 >= image.width or y1 >= image.height or x2 <= 0 or y2 <= 0:
        return "box outside of the image"
    return ""


def _clipped(box: Box, image: ImageHeader) -> Box:
    x1, y1, x2, y2 = box
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(image.width)), min(y2, float(image.height))
