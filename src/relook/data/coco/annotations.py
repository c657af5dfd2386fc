"""From one entry of "annotations" to one object: what is an error, what is left out, what is kept.

An entry that cannot mean anything (a box of text, a code that does not fit the image) is an
error. An entry that means an object no detector can learn (no mask, outside of the image) is left
out, as the reference does, and counted. A box or an area that is missing or unusable is taken from
the mask, and counted; every other box is compared with its mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import DataError
from .box_agreement import BoxAgreement, agrees
from .json_form import Entry, finite_of, shown
from .ledger import (
    AREA_FROM_BOX,
    AREA_FROM_MASK,
    AS_OBJECT,
    CLIPPED,
    FROM_MASK,
    MASK_FRACTIONS,
    NO_IMAGE,
    NO_MASK,
    OUTSIDE,
    PARTS,
    ImageHeader,
    Ledger,
)
from .leniency import STRICT, Leniency
from .mask_forms import in_coco_form, is_nothing, is_plain
from .packed_polygons import PackedPolygons, packed
from .plain_boxes import clipped, flaw_of, is_thin
from .records import ObjectRecord
from .segmentation import (
    Box,
    CheckedMask,
    EmptyMaskError,
    MalformedMaskError,
    area_of,
    checked_mask,
    enclosing_box,
    is_fractions,
    polygon_bounds,
    runs_of,
)


@dataclass(frozen=True, slots=True)
class AnnotationReader:
    """Reads the annotations of one file; `ledger` tells afterwards what was left out."""

    path: Path
    images: Mapping[int, ImageHeader]
    labels: Mapping[int, int]  # category id -> label
    names: Mapping[int, str]  # category id -> name, for messages
    with_masks: bool
    leniency: Leniency = STRICT
    left_out: frozenset[int] = frozenset()  # images that are left out with their objects
    ledger: Ledger = field(default_factory=Ledger)
    agreement: BoxAgreement = field(default_factory=BoxAgreement)

    def read(self, identity: int, entry: Entry) -> tuple[int, ObjectRecord] | None:
        """(image id, object), or None if it is left out.

        Raises:
            DataError: D04, D06, D07, D08, D09, D13, naming file, annotation, image and remedy.
        """
        if self.left_out and entry.get("image_id") in self.left_out:
            self.ledger.skip(NO_IMAGE, identity)
            return None
        image_id, image = self._image(identity, entry)
        label = self._label(identity, entry, image)
        if label is None:
            return None
        written = self._box(identity, entry, image)
        area = self._area(identity, entry, image)
        is_crowd = self._is_crowd(identity, entry, image)
        if entry.get("ignore"):
            self.ledger.skip("marked ignore", identity)
            return None
        flaw = "" if written is None else flaw_of(written, image)
        needs_mask = written is None or bool(flaw) or (area is not None and area <= 0)
        value = entry.get("segmentation")
        is_packed = isinstance(value, PackedPolygons)
        if isinstance(value, PackedPolygons):
            value = value.lists()
        try:
            mask = self._mask(identity, value, image, written, flaw, needs_mask)
        except EmptyMaskError as empty:
            self.ledger.skip(str(empty), identity)
            return None
        is_outside = flaw == OUTSIDE
        if flaw and (mask is None or (is_thin(mask.bounds) and not is_outside)):
            self.ledger.skip(flaw, identity)
            return None
        box = self._chosen_box(identity, image, written, flaw, mask, is_crowd)
        area = self._chosen_area(identity, image, area, box, mask)
        kept = mask.segmentation if mask is not None and self.with_masks else None
        stored = (packed(kept) if is_packed else None) or kept
        return image_id, ObjectRecord(identity, label, box, stored, is_crowd, area)

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
        if self.leniency.ignore_unknown:
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
        """(x, y, width, height) as annotated; None if there is none."""
        values = entry.get("bbox")
        if values is None or values == []:
            return None
        numbers = [finite_of(value) for value in values] if isinstance(values, list) else []
        if len(numbers) == 4 and None not in numbers:
            return tuple(numbers)  # type: ignore[return-value]
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
            if value and self.leniency.crowd == "as-objects":
                self.ledger.adjust(AS_OBJECT, identity)
                return False
            return bool(value)
        raise self._error(
            "D04", identity, image, f"has iscrowd {shown(value)}, which is neither 0 nor 1. Fix it"
        )

    def _mask(
        self,
        identity: int,
        value: Any,
        image: ImageHeader,
        written: Box | None,
        flaw: str,
        needed: bool,
    ) -> CheckedMask | None:
        """The checked mask; None where only boxes are read, and for one of no use beside a flaw.

        Raises:
            EmptyMaskError: the object is to be left out for this reason.
        """
        if is_nothing(value):
            if written is None:
                raise self._error(
                    "D08",
                    identity,
                    image,
                    "has neither a bbox nor a segmentation. Add one of them, or remove it",
                )
            if self.with_masks:
                raise EmptyMaskError(NO_MASK)
            return None
        from_masks = self.leniency.boxes == "from-masks"
        if not (self.with_masks or needed or from_masks):
            assert written is not None
            self._compare_only(identity, value, written, image)
            return None
        form = ""
        try:
            if not is_plain(value):
                value, form = in_coco_form(value, image.height, image.width)
            mask = checked_mask(value, image.height, image.width)
        except MalformedMaskError as error:
            if written is not None and (flaw or not self.with_masks):
                return None
            raise self._error(
                "D09",
                identity,
                image,
                f"has a segmentation that {error}. Fix it, or remove the annotation",
            ) from None
        except EmptyMaskError as empty:
            if not self.with_masks and written is not None:
                return None
            raise EmptyMaskError(MASK_FRACTIONS if is_fractions(value) else str(empty)) from None
        if form:
            self.ledger.adjust(form, identity)
        if mask.left_out:
            self.ledger.adjust(PARTS, identity)
        return mask

    def _compare_only(self, identity: int, value: object, written: Box, image: ImageHeader) -> None:
        """Compare a box with a mask that is not read otherwise, if it can be."""
        bounds = polygon_bounds(value, image.height, image.width)
        if bounds is None:
            try:
                value, _ = in_coco_form(value, image.height, image.width)
                bounds = checked_mask(value, image.height, image.width).bounds
            except (MalformedMaskError, EmptyMaskError):
                return
        self._compare(identity, written, bounds, image)

    def _compare(
        self, identity: int, written: Box, bounds: Box, image: ImageHeader, flaw: str = ""
    ) -> None:
        """Compare a box with the bounds of its mask."""
        self.agreement.compared += 1
        if flaw or not agrees(clipped(written, image), bounds):
            replaced = bool(flaw) or self.leniency.boxes == "from-masks"
            size = image.height, image.width
            self.agreement.differs(identity, written, bounds, size, replaced=replaced)

    def _chosen_box(
        self,
        identity: int,
        image: ImageHeader,
        written: Box | None,
        flaw: str,
        mask: CheckedMask | None,
        is_crowd: bool,
    ) -> Box:
        """(x1, y1, x2, y2) in the image: as annotated, or of the mask."""
        if mask is not None and written is not None and (flaw or not is_crowd):
            self._compare(identity, written, mask.bounds, image, flaw)
        if mask is not None and (written is None or flaw or self.leniency.boxes == "from-masks"):
            if written is None or flaw:
                self.ledger.adjust(f"{flaw}: {FROM_MASK}" if flaw else FROM_MASK, identity)
            elif clipped(written, image) != mask.bounds:
                self.ledger.adjust(f"{FROM_MASK} (--boxes from-masks)", identity)
            if not is_thin(mask.bounds):
                return mask.bounds
            runs = runs_of(mask.segmentation, image.height, image.width)
            return enclosing_box(runs, image.height)
        assert written is not None  # _mask has seen to it
        x, y, width, height = written
        inside = clipped(written, image)
        if mask is None:
            self.agreement.add_alone(written, (image.height, image.width))
        if inside != (x, y, x + width, y + height):
            self.ledger.adjust(CLIPPED, identity)
        return inside

    def _chosen_area(
        self,
        identity: int,
        image: ImageHeader,
        area: float | None,
        box: Box,
        mask: CheckedMask | None,
    ) -> float:
        """Area in pixels: as annotated, of the mask, or of the box."""
        if area is not None and area > 0:
            return area
        if area is not None:
            self.ledger.adjust(AREA_FROM_BOX if mask is None else AREA_FROM_MASK, identity)
        if mask is not None:
            return area_of(mask.segmentation, image.height, image.width)
        return (box[2] - box[0]) * (box[3] - box[1])

    def _error(self, code: str, identity: int, image: ImageHeader, what: str) -> DataError:
        return DataError(
            code,
            f'{self.path.name}: annotation {identity} (image "{image.file_name}") {what}.',
        )
