"""Checks of several annotation files together, and of images that are nearly the same."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from ...errors import counted, first_few
from ...structures.rules.reading import Reading
from ..near_duplicates import near_duplicates
from .finding import Check, Example, Finding, Hit, check, finding_of, limited
from .subject import Subject


class Parts(NamedTuple):
    """Annotation files of one data set, and images that are nearly the same."""

    subjects: Sequence[Subject]
    same: Sequence[tuple[Path, ...]]  # groups of files

    @property
    def name(self) -> str:
        """Names of the files."""
        return " + ".join(subject.path.name for subject in self.subjects)


@check(
    "images-same",
    "warning",
    finds="images of one file that are nearly the same",
    remedy="Keep one of each, or keep them in one part when you split the file.",
)
def same_within(subject: Subject) -> Iterable[Hit]:
    """Find images of a file that are nearly the same."""
    own = {image.path: image for image in subject.index.images}
    groups = [
        found
        for group in subject.cache.get("same", ())
        if len(found := [own[path] for path in group if path in own]) > 1
    ]
    if groups:
        extra = sum(len(group) - 1 for group in groups)
        examples = limited(
            Example(
                text=" = ".join(image.file_name for image in group[:4]),
                image=group[0].file_name,
                path=group[0].path,
            )
            for group in groups
        )
        text = f"{counted(extra, 'image')} nearly the same as another one"
        yield Hit(count=extra, text=text, examples=examples)


def leakage(parts: Parts) -> Iterable[Hit]:
    """Find images that are in more than one file, or nearly so."""
    owners: dict[Path, set[int]] = defaultdict(set)
    for number, subject in enumerate(parts.subjects):
        missing = set(subject.contents.images.missing)
        for image in subject.index.images:
            if image.id not in missing:
                owners[image.path].add(number)
    groups: list[tuple[Path, ...]] = [
        (path,) for path, numbers in owners.items() if len(numbers) > 1
    ]
    for group in parts.same:
        numbers = [owners[path] for path in group if path in owners]
        if len(set().union(*numbers)) > 1 and not any(len(own) > 1 for own in numbers):
            groups.append(group)
    if groups:
        examples = limited(
            Example(text=" = ".join(path.name for path in group[:4]), path=group[0])
            for group in groups
        )
        text = (
            f"{counted(len(groups), 'image')} in more than one of {parts.name}, or nearly the "
            "same: numbers on such a validation set are too good"
        )
        yield Hit(count=len(groups), text=text, examples=examples)


def other_classes(parts: Parts) -> Iterable[Hit]:
    """Find classes that one file has objects of, and another one has not."""
    counts = [
        dict(
            zip(
                (category.name for category in subject.index.classes),
                subject.index.class_counts(),
                strict=True,
            )
        )
        for subject in parts.subjects
    ]
    for subject, own in zip(parts.subjects, counts, strict=True):
        lacking = [
            name
            for name in dict.fromkeys(name for other in counts for name in other)
            if not own.get(name) and any(other.get(name) for other in counts)
        ]
        if lacking:
            text = (
                f"{subject.path.name} has no object of {first_few(lacking, 5)}, "
                "which another file has"
            )
            yield Hit(count=len(lacking), text=text)


def find_same(paths: Sequence[Path], reading: Reading) -> list[tuple[Path, ...]]:
    """Groups of images that are nearly the same, as `reading` means them; files that cannot be
    read are left out.

    Images without detail, which cannot be compared, are the same where their files are.
    """
    near = [
        tuple(paths[place] for place in group) for group in near_duplicates(paths, reading=reading)
    ]
    known = {path for group in near for path in group}
    return [*near, *(group for group in _same_bytes(paths) if not known.issuperset(group))]


def _same_bytes(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    groups: dict[bytes, list[Path]] = defaultdict(list)
    for path in paths:
        with suppress(OSError):
            groups[hashlib.sha256(path.read_bytes()).digest()].append(path)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def check_parts(parts: Parts) -> list[Finding]:
    """Findings on the files together."""
    return [finding_of(found, hit, parts.name) for found, run in ACROSS for hit in run(parts)]


def _nothing(_: Subject) -> Iterable[Hit]:
    return ()


LEAKAGE: Final = Check(
    code="leakage",
    level="error",
    finds="images that are in two files, such as train and val, or nearly so",
    remedy="`relook data split` keeps near-identical images in one part.",
    run=_nothing,
)
CLASSES: Final = Check(
    code="class-not-in-part",
    level="warning",
    finds="classes that one of the files has objects of and another has not",
    remedy="Split the images so that each part has objects of every class: what is not in the "
    "validation file is not measured.",
    run=_nothing,
)
ACROSS: Final[tuple[tuple[Check, Callable[[Parts], Iterable[Hit]]], ...]] = (
    (LEAKAGE, leakage),
    (CLASSES, other_classes),
)
CHECKS: Final[tuple[Check, ...]] = (same_within,)
