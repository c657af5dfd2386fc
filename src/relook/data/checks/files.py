"""Checks of image files: are they there, can they be read, have they the size the file says?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from ...errors import counted
from ..coco.file_names import AS_WRITTEN
from .finding import Check, Hit, check
from .subject import Subject

_CORRECTS: Final = "Correct the file with `relook data check {file} --fix OUT`."


@check(
    "images-missing",
    "error",
    finds="images that are not in the folder",
    remedy="Give the right folder with --images. --skip-missing leaves out what is not there.",
)
def missing(subject: Subject) -> Iterable[Hit]:
    """Find images without a file."""
    table = subject.contents.images
    rest = [key for key in table.missing if key not in table.near]
    if rest:
        text = f"{len(rest)} of {counted(len(table.names), 'image')} are not in {subject.folder}"
        if table.endings:
            key, other = next(iter(table.endings.items()))
            text += f'; {len(table.endings)} by another ending: "{table.names[key]}" may be {other}'
        yield Hit(count=len(rest), text=text, examples=subject.image_examples(rest))


@check(
    "names-elsewhere",
    "error",
    finds="images that are in the folder only by the last part of their name: absolute paths, "
    "addresses, folders of another machine",
    remedy="Read them with --match basename, or correct the file with "
    "`relook data check {file} --fix OUT`.",
    fix="writes the path in the folder, where only one file has this name",
)
def elsewhere(subject: Subject) -> Iterable[Hit]:
    """Find names that lead elsewhere."""
    table = subject.contents.images
    if table.near:
        count = len(table.near)
        key, path = next(iter(table.near.items()))
        text = (
            f"{counted(count, 'image')} found by the last part of the name only: "
            f'"{table.names[key]}" is {path.relative_to(subject.folder)}'
        )
        yield Hit(count=count, text=text, examples=subject.image_examples(table.near))


@check(
    "names-differ",
    "note",
    finds="names that differ from those of the files by upper and lower case, by the Unicode form "
    "or by their folder",
    remedy="Nothing has to be done here; other programs may not find them. " + _CORRECTS,
    fix="writes the path of the file",
)
def other_names(subject: Subject) -> Iterable[Hit]:
    """Find names that are not written as those of the files."""
    table = subject.contents.images
    for how, count in table.matched.items():
        if how != AS_WRITTEN:
            text = f"{counted(count, 'image')} found {how}: {table.example[how]}"
            yield Hit(count=count, text=text)


@check(
    "image-twice",
    "error",
    finds="one image file under two ids; each has a part of the objects",
    remedy="Join them with `relook data check {file} --fix OUT`.",
    fix="joins them under the first id, with the objects of both",
)
def twice(subject: Subject) -> Iterable[Hit]:
    """Find files that are listed under two ids."""
    pairs = subject.contents.images.twice
    if pairs:
        text = f"{counted(len(pairs), 'image file is', 'image files are')} listed under two ids"
        second = [other for _, other in pairs]
        yield Hit(count=len(pairs), text=text, examples=subject.image_examples(second))


@check(
    "size-swapped",
    "error",
    finds="images whose width and height are the other way round in the file",
    remedy=_CORRECTS,
    fix="writes the size of the image, if its objects fit in",
)
def swapped(subject: Subject) -> Iterable[Hit]:
    """Find sizes with the sides swapped."""
    wrong = [size for size in subject.contents.images.wrong_sizes if size.is_swapped]
    if wrong:
        text = f"width and height of {counted(len(wrong), 'image')} are swapped: {wrong[0]}"
        examples = subject.image_examples(size.id for size in wrong)
        yield Hit(count=len(wrong), text=text, examples=examples)


@check(
    "size-wrong",
    "error",
    finds="images of another size than the file says: resized, or other images",
    remedy="Use the images that the annotations were made for. Objects of resized images do not "
    "fit.",
)
def wrong_size(subject: Subject) -> Iterable[Hit]:
    """Find sizes that are not those of the images."""
    wrong = [size for size in subject.contents.images.wrong_sizes if not size.is_swapped]
    if not wrong:
        return
    ratios = Counter(
        (round(size.stored[0] / size.said[0], 2), round(size.stored[1] / size.said[1], 2))
        for size in wrong
    )
    (down, across), most = ratios.most_common(1)[0]
    text = f"{counted(len(wrong), 'image')} of another size than the file says: {wrong[0]}"
    if down == across and most > 1:
        text += f"; {most} of them are {across:g} times as large"
    yield Hit(
        count=len(wrong),
        text=text,
        examples=subject.image_examples(size.id for size in wrong),
    )


@check(
    "image-unreadable",
    "error",
    finds="files that are no images, are empty or cut off in their header, or are pointers of "
    "Git LFS",
    remedy="Copy or download them again, or convert them; the text says what each is.",
)
def unreadable(subject: Subject) -> Iterable[Hit]:
    """Find files whose header cannot be read."""
    table = subject.contents.images
    bad = {key: header.problem for key, header in table.stored.items() if header.problem}
    if bad:
        first = next(iter(bad.values()))
        text = f"{counted(len(bad), 'image file')} cannot be read: {first}"
        yield Hit(count=len(bad), text=text, examples=subject.image_examples(bad))


@check(
    "orientation",
    "note",
    finds="images that cameras stored turned; their annotations may be for either frame",
    remedy="Look at the pictures of the page (--html): where objects are beside what they mean, "
    "say the frame with --frame stored or --frame upright.",
)
def orientation(subject: Subject) -> Iterable[Hit]:
    """Find images that are turned when they are read."""
    turned = [image for image in subject.index.images if image.orientation > 1]
    if turned:
        stored = sum(image.turn > 1 for image in turned)
        text = (
            f"{counted(len(turned), 'image')} stored turned and read upright; the annotations of "
            f"{stored} are for the stored frame and are turned too"
        )
        examples = subject.image_examples(image.id for image in turned)
        yield Hit(count=len(turned), text=text, examples=examples)


CHECKS: Final[tuple[Check, ...]] = (
    missing,
    elsewhere,
    other_names,
    twice,
    swapped,
    wrong_size,
    unreadable,
    orientation,
)
