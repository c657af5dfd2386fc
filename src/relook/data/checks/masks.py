"""Checks of masks: their form, and what is wrong with polygons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import counted
from ..coco import mask_forms
from ..coco.ledger import NO_MASK, PARTS
from .finding import Check, Hit, check
from .shapes import Polygons, crossing, polygons_of, spiky
from .subject import Subject

_FORMS: Final = (
    mask_forms.FLAT,
    mask_forms.PAIRS,
    mask_forms.NESTED,
    mask_forms.CODES,
    mask_forms.NO_SIZE,
    mask_forms.BYTES,
    mask_forms.TEXT,
)


@check(
    "mask-form",
    "warning",
    finds="segmentations in a form that COCO does not have: a flat polygon, points as pairs, a "
    "list of run-length codes, json in a text",
    remedy="They are read; other programs may refuse them. Write them as in COCO with "
    "`relook data check {file} --fix OUT`.",
    fix="writes them in the form of COCO",
)
def form(subject: Subject) -> Iterable[Hit]:
    """Find segmentations in other forms than COCO's."""
    for name in _FORMS:
        yield from subject.noted(name, name, "x", "x")


@check(
    "mask-parts",
    "note",
    finds="polygons of an object that have no area: points and lines",
    remedy="They are left out; the rest of the object is read. Remove them with "
    "`relook data check {file} --fix OUT`.",
    fix="removes them",
)
def parts(subject: Subject) -> Iterable[Hit]:
    """Find parts of polygons without area."""
    return subject.noted(PARTS, "with parts of a polygon without area")


@check(
    "mask-missing",
    "warning",
    finds="objects without a mask in a file with masks; they are left out",
    remedy="Draw their masks. For a model of boxes (detectors-cascade-tiny), all objects are used.",
)
def no_mask(subject: Subject) -> Iterable[Hit]:
    """Find objects that are left out because they have no mask."""
    return subject.noted(NO_MASK, "without a mask left out, while others have one")


@check(
    "mask-crossing",
    "note",
    finds="polygons whose outline crosses itself",
    remedy="Draw them again, if the pictures of the page (--html) show a wrong shape: where an "
    "outline crosses itself, programs fill different pixels.",
)
def crossed(subject: Subject) -> Iterable[Hit]:
    """Find polygons that cross themselves."""
    return _outlines(subject, crossing, "whose outline crosses itself")


@check(
    "mask-spikes",
    "note",
    finds="polygons with a spike: a corner below 8 degrees with two long sides, mostly a click in "
    "a wrong place",
    remedy="Look at the pictures of the page (--html), and draw them again.",
)
def spikes(subject: Subject) -> Iterable[Hit]:
    """Find polygons with spikes."""
    return _outlines(subject, spiky, "with a spike in the outline")


def _outlines(
    subject: Subject, test: Callable[[Polygons], NDArray[np.bool_]], words: str
) -> Iterator[Hit]:
    """The hit of objects with a polygon for which `test` holds, if there are any."""
    polygons, owners = _polygons(subject)
    found = np.unique(owners[test(polygons)])
    if found.size:
        text = f"{counted(len(found), 'object')} {words}"
        yield Hit(count=len(found), text=text, examples=subject.at(found.tolist()))


def _polygons(subject: Subject) -> tuple[Polygons, NDArray[np.int64]]:
    """Polygons of all objects, and the positions of their objects; made once for a subject."""
    cache = subject.cache
    if "polygons" not in cache:
        found: list[list[float]] = []
        owners: list[int] = []
        for place, (_, one) in enumerate(subject.objects):
            if isinstance(one.segmentation, list):
                found += one.segmentation
                owners += [place] * len(one.segmentation)
        cache["polygons"] = polygons_of(found), np.array(owners, np.int64)
    polygons, positions = cache["polygons"]
    return polygons, positions


CHECKS: Final[tuple[Check, ...]] = (form, parts, no_mask, crossed, spikes)
