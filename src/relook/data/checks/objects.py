"""Checks of objects: twice, left out, of odd sizes, too small or too many for a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ...errors import counted
from ..coco.ledger import BOX_FRACTIONS, MASK_FRACTIONS, MASK_OUTSIDE, NO_MASK, OUTSIDE
from .finding import Check, Hit, check, milder
from .subject import Subject

FEW: Final = 0.01  # of the objects, below which a finding is milder
TINY: Final = 8.0  # pixels of an object's side in the network's input
ODD: Final = 8.0  # times the median side of its class, or a part of it
DEFAULT_CAP: Final = 100  # objects that models find in an image unless told otherwise
_FEW: Final = 12  # objects of a class from which its sizes are compared


@check(
    "objects-twice",
    "error",
    finds="objects with equal masks (IoU of 0.95 or more) and class in one image, as joined "
    "exports have them; a warning below 1 percent of the objects",
    remedy="Read them once with --duplicates drop, or in the file with "
    "`relook data check {file} --fix OUT`.",
    fix="keeps the first of them",
)
def twice(subject: Subject) -> Iterable[Hit]:
    """Find objects that are in the file twice."""
    pairs = subject.contents.duplicates
    if pairs:
        text = f"{counted(len(pairs), 'object is', 'objects are')} in the file twice"
        examples = subject.annotations(second.id for _, second in pairs)
        level = milder("warning", len(pairs), len(subject.objects), FEW)
        yield Hit(count=len(pairs), text=text, examples=examples, level=level)


@check(
    "all-crowd",
    "error",
    finds="only annotations with iscrowd: 1, as CVAT writes masks; crowds are never learned",
    remedy="Read them as objects with --crowd as-objects, or correct the file with "
    "`relook data check {file} --fix OUT --crowd as-objects`.",
    fix="writes iscrowd: 0, where --crowd as-objects is given",
)
def all_crowd(subject: Subject) -> Iterable[Hit]:
    """Find files of crowds only."""
    crowds = subject.index.num_crowd
    if crowds and not subject.index.num_objects:
        text = f"all {counted(crowds, 'annotation')} are marked iscrowd: 1"
        yield Hit(count=crowds, text=text, examples=subject.at(range(len(subject.objects))))


@check(
    "many-crowd",
    "warning",
    finds="more than a fifth of the annotations with iscrowd: 1",
    remedy="If they are objects, read them so with --crowd as-objects: crowds are never learned.",
)
def many_crowd(subject: Subject) -> Iterable[Hit]:
    """Find files where many objects are crowds."""
    crowds, objects = subject.index.num_crowd, subject.index.num_objects
    if objects and crowds > 0.2 * (crowds + objects) and crowds >= 3:
        text = f"{crowds} of {crowds + objects} annotations are marked iscrowd: 1"
        examples = subject.at(np.flatnonzero(subject.is_crowd).tolist())
        yield Hit(count=crowds, text=text, examples=examples)


@check(
    "objects-outside",
    "warning",
    finds="objects outside of their images; they are left out",
    remedy="Look whether they belong to another image, or to an image of another size, and "
    "remove them.",
)
def outside(subject: Subject) -> Iterable[Hit]:
    """Find objects that are outside of their images."""
    yield from subject.noted(OUTSIDE, "outside of the image left out")
    yield from subject.noted(MASK_OUTSIDE, "with a polygon outside of the image left out")


@check(
    "objects-left-out",
    "warning",
    finds="objects that no detector can learn and that are left out: without area, thinner than a "
    "pixel, marked as ignored",
    remedy="Draw them again or remove them.",
)
def left_out(subject: Subject) -> Iterable[Hit]:
    """Find objects that are left out for other reasons."""
    known = (OUTSIDE, MASK_OUTSIDE, NO_MASK, BOX_FRACTIONS, MASK_FRACTIONS)
    others = [reason for reason in subject.contents.reader.ledger.skipped if reason not in known]
    return _left_out(subject, others)


@check(
    "fractions",
    "error",
    finds="polygons and boxes of numbers from 0 to 1, which are fractions of the image; COCO has "
    "pixels",
    remedy="Write pixels with `relook data check {file} --fix OUT`.",
    fix="multiplies by the size of the image",
)
def fractions(subject: Subject) -> Iterable[Hit]:
    """Find objects in fractions of their image."""
    return _left_out(subject, (MASK_FRACTIONS, BOX_FRACTIONS))


def _left_out(subject: Subject, reasons: Iterable[str]) -> Iterator[Hit]:
    for reason in reasons:
        yield from subject.noted(reason, f"left out: {reason}")


@check(
    "objects-odd",
    "note",
    finds="objects 8 times larger or smaller than the median of their class",
    remedy="Look at the pictures of the page (--html) for stray clicks and masks of several "
    "objects.",
)
def odd_sizes(subject: Subject) -> Iterable[Hit]:
    """Find objects of a size that no other of the class has."""
    if not subject.objects:
        return
    sides = np.sqrt(np.maximum(subject.areas, 1e-6))
    labels = np.array([one.label for _, one in subject.objects])
    usable = ~subject.is_crowd
    for label, category in enumerate(subject.index.classes):
        chosen = np.flatnonzero((labels == label) & usable)
        if chosen.size < _FEW:
            continue
        ratio = sides[chosen] / np.median(sides[chosen])
        for word, which in (("smaller", ratio < 1 / ODD), ("larger", ratio > ODD)):
            found = chosen[which]
            if 0 < found.size <= 0.05 * chosen.size:
                text = (
                    f"{counted(len(found), 'object')} of {category.name!r} {ODD:g} times {word} "
                    "than the median"
                )
                worst = found[np.argsort(ratio[which])]
                order = worst if word == "smaller" else worst[::-1]
                yield Hit(count=len(found), text=text, examples=subject.at(order.tolist()))


@check(
    "objects-small",
    "warning",
    finds="objects below 8 pixels in the input of the model (--size; 1333 x 800 by default); a "
    "note below 5 percent of the objects",
    remedy="Give a larger input: relook train with --set model.input.size, and relook predict "
    "with --size or --tile.",
)
def small(subject: Subject) -> Iterable[Hit]:
    """Find objects that are too small once images are scaled for the model."""
    if not subject.objects:
        return
    long, short = subject.input_size
    sides = np.array([(max(i.width, i.height), min(i.width, i.height)) for i, _ in subject.objects])
    scale = np.minimum(long / sides[:, 0], short / sides[:, 1])
    pixels = np.sqrt(np.maximum(subject.areas, 0)) * scale
    found = np.flatnonzero((pixels < TINY) & ~subject.is_crowd)
    if found.size:
        total = subject.index.num_objects
        text = (
            f"{len(found)} of {total} objects are below {TINY:g} pixels in an input of "
            f"{long} x {short}; the median object has {np.median(pixels):.0f}"
        )
        order = found[np.argsort(pixels[found])]
        level = milder("note", len(found), total, 5 * FEW)
        yield Hit(count=len(found), text=text, examples=subject.at(order.tolist()), level=level)


@check(
    "crowding",
    "note",
    finds="images with more than 100 objects, the cap of most models",
    remedy="Score and predict with --max-dets above the largest number; training from weights "
    "chooses the cap from the data.",
)
def crowding(subject: Subject) -> Iterable[Hit]:
    """Find images with more objects than models give by default."""
    counts = {
        image.id: sum(not one.is_crowd for one in image.objects) for image in subject.index.images
    }
    many = {key: count for key, count in counts.items() if count > DEFAULT_CAP}
    if many:
        worst = sorted(many, key=lambda key: -many[key])
        text = (
            f"{counted(len(many), 'image')} with more than {DEFAULT_CAP} objects, "
            f"{many[worst[0]]} in one"
        )
        yield Hit(count=len(many), text=text, examples=subject.image_examples(worst))


@check(
    "images-empty",
    "note",
    finds="images without objects",
    remedy="Right, if nothing is in them. If they were not annotated yet, remove them: a model "
    "learns that what is in them is nothing.",
)
def empty(subject: Subject) -> Iterable[Hit]:
    """Find images without objects."""
    found = [i.id for i in subject.index.images if all(one.is_crowd for one in i.objects)]
    if found and subject.index.num_objects:
        text = f"{len(found)} of {counted(len(subject.index.images), 'image')} without objects"
        yield Hit(count=len(found), text=text, examples=subject.image_examples(found))


@check(
    "nothing-to-learn",
    "error",
    finds="a file without a single object",
    remedy="Give a file with annotations; other findings say why objects are left out.",
)
def nothing(subject: Subject) -> Iterable[Hit]:
    """Find files without objects."""
    if not subject.index.num_objects and not subject.index.num_crowd:
        yield Hit(count=1, text="there is no object that can be learned")


CHECKS: Final[tuple[Check, ...]] = (
    twice,
    all_crowd,
    many_crowd,
    outside,
    left_out,
    fractions,
    odd_sizes,
    small,
    crowding,
    empty,
    nothing,
)
