"""The numbers of huddles as plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...errors import counted
from ..evaluator import Evaluator
from ..ground_truth import GroundTruth
from ..metrics import Section
from .rule import OVERLAPS, SHARES, HuddleRule
from .scores import HuddleAp, HuddleScores, score_huddles

_MEASURES = {
    "iou": "IoU of boxes",
    "ioa": "intersection of boxes over the object's own",
    "mask": "IoU of masks",
}


def crowding_section(
    truth: GroundTruth, evaluators: Sequence[Evaluator], rule: HuddleRule
) -> Section:
    """The numbers of `score_huddles` as a section of `Metrics`; raises as it does."""
    scores = score_huddles(truth, evaluators, rule)
    return Section("huddles", scores, huddle_table(scores))


def huddle_table(scores: HuddleScores) -> str:
    """`scores` as plain text of at most 80 columns: images by T_O and T_P, then objects by T_O.

    The row of T_O -1 has one cell, because all objects have an overlap over it.
    """
    return "\n".join([*_image_lines(scores), "", *_object_lines(scores)])


def _image_lines(scores: HuddleScores) -> list[str]:
    kinds = "boxes" if scores.mask is None else "boxes/masks"
    title = "Difference of AP" if scores.is_difference else "AP"
    class_words = ", of objects of its class" if scores.rule.same_class else ""
    lines = [
        f"{title} ({kinds}) of images of which more than T_P of the objects",
        "overlap another one by more than T_O; below it, how many images these are",
        f"overlap: {_MEASURES[scores.rule.overlap]}{class_words}",
        f"{'T_O':>4}" + "".join(f"{f'T_P {share:.1f}':>15}" for share in SHARES),
    ]
    for row, overlap in enumerate(OVERLAPS):
        columns = range(len(SHARES) if overlap >= 0 else 1)
        cells = [_pair(scores, row, column) for column in columns]
        counts = [str(scores.num_images[row, column]) for column in columns]
        lines.append(f"{overlap:>4.1f}" + "".join(f"{cell:>15}" for cell in cells))
        lines.append(f"{'':>4}" + "".join(f"{count:>15}" for count in counts))
    least = scores.rule.min_images
    if (scores.num_images < least).any():
        lines.append(
            f"-: fewer than {counted(least, 'image')}, which give no number that can be used"
        )
    return lines


def _object_lines(scores: HuddleScores) -> list[str]:
    title = "Difference of AP" if scores.is_difference else "AP"
    kinds = {"boxes": scores.box} | ({} if scores.mask is None else {"masks": scores.mask})
    lines = [
        f"{title} of objects that overlap another one by more than T_O, and its",
        f"95 % interval over {scores.rule.resamples} resamples of the images",
        f"{'T_O':>4}{'objects':>10}" + "".join(f"{name:>31}" for name in kinds),
    ]
    for row, overlap in enumerate(OVERLAPS):
        values = "".join(f"{_with_interval(kind, row, scores):>31}" for kind in kinds.values())
        lines.append(f"{overlap:>4.1f}{scores.num_objects[row]:>10}{values}")
    least = scores.rule.min_images
    if (scores.num_images[:, 0] < least).any():
        lines.append(f"no interval: fewer than {counted(least, 'image')} with such objects")
    if (scores.num_objects == 0).any():
        lines.append("-: no object overlaps another one so much")
    return lines


def _pair(scores: HuddleScores, row: int, column: int) -> str:
    kinds = [scores.box] if scores.mask is None else [scores.box, scores.mask]
    values = [float(kind.images[row, column]) for kind in kinds]
    if all(math.isnan(value) for value in values):
        return "-"
    return "/".join(_number(value, scores.is_difference) for value in values)


def _with_interval(kind: HuddleAp, row: int, scores: HuddleScores) -> str:
    """AP of objects, with its interval where enough images have such objects."""
    value = float(kind.objects[row])
    if math.isnan(value):
        return "-"
    shown = _number(value, scores.is_difference)
    if scores.num_images[row, 0] < scores.rule.min_images:
        return f"{shown} (no interval)"
    low, high = (_number(end, scores.is_difference) for end in kind.interval(row))
    return f"{shown} ({low} to {high})"


def _number(value: float, is_difference: bool) -> str:
    if math.isnan(value):
        return "-"
    return format(value, "+.3f" if is_difference else ".3f")
