"""Lines about a split for people: what each part has, and what could not be balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from ...errors import counted, first_few
from ..coco.records import CocoIndex

_MOST_NAMES: Final = 6
_TOLERATED: Final = 0.5  # of the share that a part is to have of a class
_FEWEST: Final = 5  # objects of a class that a part is to have before their number is judged


def balance_lines(
    index: CocoIndex, part: Sequence[str], shares: Mapping[str, float], largest: int
) -> list[str]:
    """Say what each part has, and what is far from its share.

    `part` is that of each image, `shares` those of the parts, `largest` is the number of images of
    the largest unit that is not divided.
    """
    images = Counter(part)
    objects = _objects(index, part)
    lines = [
        f"{name}: {counted(images[name], 'image')} ({images[name] / len(part):.0%}), "
        f"{counted(sum(objects[name]), 'object')}"
        for name in shares
    ]
    lines += [
        f"not balanced: {name} has {images[name] / len(part):.0%} of the images instead of "
        f"{share:.0%}, since up to {counted(largest, 'image')} stay together"
        for name, share in shares.items()
        if abs(images[name] - share * len(part)) > max(1.0, 0.1 * share * len(part))
    ]
    return lines + _class_lines(index, objects, shares)


def _objects(index: CocoIndex, part: Sequence[str]) -> dict[str, list[int]]:
    """Objects of each class in each part."""
    counts = {name: [0] * len(index.classes) for name in ("train", "val", "test")}
    for image, name in zip(index.images, part, strict=True):
        for thing in image.objects:
            counts[name][thing.label] += not thing.is_crowd
    return counts


def _class_lines(
    index: CocoIndex, objects: Mapping[str, Sequence[int]], shares: Mapping[str, float]
) -> list[str]:
    """Name the classes that a part has not, or has far more or fewer objects of than its share."""
    totals = [sum(objects[name][label] for name in shares) for label in range(len(index.classes))]
    used = [label for label, total in enumerate(totals) if total]
    lines = []
    for name, share in shares.items():
        missing, uneven = [], []
        for label in used:
            count, due = objects[name][label], totals[label] * share
            if not count:
                missing.append(f"{index.classes[label].name} ({totals[label]} in all)")
            elif due >= _FEWEST and abs(count - due) > _TOLERATED * due:
                uneven.append(f"{index.classes[label].name} {count / totals[label]:.0%}")
        if missing:
            lines.append(
                f"not balanced: {name} has no object of {len(missing)} of "
                f"{counted(len(used), 'class', 'classes')}: {first_few(missing, _MOST_NAMES)}"
            )
        if uneven:
            lines.append(
                f"not balanced: of {counted(len(uneven), 'class', 'classes')}, {name} has far from "
                f"{share:.0%} of the objects: {first_few(uneven, _MOST_NAMES)}"
            )
    return lines
