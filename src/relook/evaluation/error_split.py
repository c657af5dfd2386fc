"""Errors by kind, and the cost of each kind: the split of TIDE (arXiv 2008.08115), by hotcoco.

A detection that is not right at IoU 0.5 is a duplicate (its object has a better one), of the wrong
class (IoU 0.5 or more with an object of another), badly placed (IoU 0.1 to 0.5 with one of its
class), both, or on the background. An object that none of these belongs to is missed. The cost of
a kind is the rise of AP50 when this kind alone is corrected; costs do not add up to 1 - AP50.

The split comes from the package hotcoco, which is maintained, needs numpy alone and has the same
AP50 as `evaluate_coco`. The authors' own package, tidecv, has had no release since 2020, counts at
most 100 detections an image and needs four packages for plots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .ground_truth import Annotation, GroundTruth
from .pairing import Kind

NEAR, FAR = 0.5, 0.1  # IoU from which an object is found, and below which is background
# Names of hotcoco -> names and meanings in relook.
KINDS = {
    "Cls": ("classification", "right place, wrong class"),
    "Loc": ("localisation", "right class, but the outline fits badly (IoU 0.1 to 0.5)"),
    "Both": ("both", "wrong class, and the outline fits badly"),
    "Dupe": ("duplicate", "a second detection of an object that has a better one"),
    "Bkg": ("background", "nothing is there (IoU below 0.1)"),
    "Miss": ("missed", "an object without any detection, not even a wrong one"),
}


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error."""

    name: str
    meaning: str
    count: int
    cost: float  # rise of AP50, in [0, 1], without these errors


@dataclass(frozen=True, slots=True)
class ErrorSplit:
    """All errors of an evaluation, of any score."""

    ap50: float  # with all errors; 0 where there is no object
    kinds: tuple[ErrorKind, ...]  # in the order of KINDS


def split_errors(
    truth: GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    *,
    kind: Kind,
    max_dets: int,
    image_ids: Sequence[int] | None = None,
) -> ErrorSplit:
    """The errors of COCO result dictionaries that have the category ids of `truth`.

    At most `max_dets` of a class in an image count. Predictions of other images or classes are
    left out, as with `kind` "mask" are objects without a mask.
    """
    import hotcoco

    chosen = set(truth.sizes if image_ids is None else image_ids)
    objects = [
        _plain(row, kind)
        for row in truth.objects
        if row["image_id"] in chosen and (kind == "box" or row["segmentation"] is not None)
    ]
    detections = [
        _plain(row, kind)
        for row in predictions
        if row["image_id"] in chosen and row["category_id"] in truth.categories
    ]
    content = {
        "images": [
            {"id": key, "height": height, "width": width, "file_name": ""}
            for key, (height, width) in truth.sizes.items()
            if key in chosen
        ],
        "categories": [{"id": key, "name": name} for key, name in truth.categories.items()],
        "annotations": objects,
    }
    data = hotcoco.COCO(content)
    evaluator = hotcoco.COCOeval(
        data, data.load_res(detections), "bbox" if kind == "box" else "segm"
    )
    evaluator.params.max_dets = [min(1, max_dets), min(10, max_dets), max_dets]
    evaluator.evaluate()
    split = evaluator.tide_errors(pos_thr=NEAR, bg_thr=FAR)
    kinds = tuple(
        ErrorKind(name, meaning, int(split["counts"][key]), float(split["delta_ap"][key]))
        for key, (name, meaning) in KINDS.items()
    )
    return ErrorSplit(max(0.0, float(split["ap_base"])), kinds)


def _plain(row: Mapping[str, Any], kind: Kind) -> Annotation:
    """A copy with the fields that hotcoco uses, and run lengths as text."""
    kept = {key: value for key, value in row.items() if key != "segmentation"}
    if kind == "mask":
        mask = dict(row["segmentation"])
        if isinstance(mask["counts"], bytes):
            mask["counts"] = mask["counts"].decode("ascii")
        kept["segmentation"] = mask
    return kept
