"""Images of a data set dealt out to training, validation and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import DataError, UsageError, counted
from ..coco.records import CocoIndex, ImageRecord
from ..near_duplicates import NearDuplicates, Progress, find_near_duplicates, joined
from .balance import balance_lines
from .content import content_of
from .dealing import deal
from .groups import group_names

PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Images of each part by their ids, in the order of the file."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    lines: tuple[str, ...]
    """For people: how many there are of what, what was kept together, what is not balanced."""
    groups: Mapping[int, str] = field(default_factory=dict)
    """Group of each image by its id, where a rule for groups was given."""

    def parts(self) -> dict[str, tuple[int, ...]]:
        """The parts that have images, by name."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class _Units:
    """Images that stay together."""

    members: Sequence[Sequence[int]]  # places in the index
    groups: Sequence[str] | None  # of each image
    lines: Sequence[str]


def split_images(
    index: CocoIndex,
    images: Path,
    *,
    val: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    group: str | None = None,
    near_duplicates: bool = True,
    progress: Progress | None = None,
) -> Split:
    """Deal the images of `index` out to training, validation and test.

    `val` and `test` are shares of the images. Every part gets about its share of the objects and
    images of every class, and of empty and crowded images. `group` is a rule (`groups.FORMS`): no
    two parts share a group. With `near_duplicates`, all images are read, and near-identical ones
    stay together, also where they are mirrored or turned by quarter turns. `images` is the folder
    of images, to which groups by folder are relative; `progress` is told how many images have been
    read. The same arguments give the same split.

    Raises:
        UsageError: U03 for shares that leave nothing to train on, or a rule that does not apply.
        DataError: D11 where there are fewer groups than parts.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and 0 < val + test < 1):
        raise UsageError(
            "U03",
            f"val is {val:g} and test {test:g}; they are shares of the images from 0 to 1, of "
            "which at least one is above 0 and the sum below 1, such as 0.2 and 0.1.",
        )
    shares = {"train": 1 - val - test, "val": val, "test": test}
    shares = {name: share for name, share in shares.items() if share > 0}
    units = _units(index, Path(images), group, near_duplicates, progress)
    part = _dealt(index, units, list(shares.values()), seed)
    named = [list(shares)[number] for number in part]
    return _split(index, units, named, shares)


def fold_images(
    index: CocoIndex,
    images: Path,
    *,
    folds: int,
    test: float = 0.0,
    seed: int = 0,
    group: str | None = None,
    near_duplicates: bool = True,
    progress: Progress | None = None,
) -> list[Split]:
    """Deal the images of `index` out for a cross-validation: one split for each fold.

    Every image outside of the test part is in the validation of exactly one split. All splits
    have the same test part. The other arguments are those of `split_images`.

    Raises:
        UsageError: U03 for fewer than two folds, or a share that is none.
        DataError: D11 where there are fewer groups than parts.
    """
    if folds < 2 or not 0 <= test < 1:
        raise UsageError(
            "U03",
            f"folds is {folds} and test {test:g}; give at least 2 folds, and a share below 1.",
        )
    units = _units(index, Path(images), group, near_duplicates, progress)
    shares = [(1 - test) / folds] * folds + ([test] if test else [])
    part = _dealt(index, units, shares, seed)
    splits = []
    for fold in range(folds):
        named = ["val" if p == fold else "test" if p == folds else "train" for p in part]
        share = {"train": shares[0] * (folds - 1), "val": shares[0]}
        splits.append(_split(index, units, named, share | ({"test": test} if test else {})))
    return splits


def _units(
    index: CocoIndex,
    images: Path,
    group: str | None,
    near_duplicates: bool,
    progress: Progress | None,
) -> _Units:
    number = len(index.images)
    place_of: dict[Path, int] = {}
    pairs = [
        (place_of.setdefault(one.path, place), place) for place, one in enumerate(index.images)
    ]
    lines = _uncounted(index)
    names = None if group is None else group_names(index, images, group)
    if names is not None:
        first: dict[str, int] = {}
        pairs += [(first.setdefault(name, place), place) for place, name in enumerate(names)]
        sizes = Counter(names)
        largest, most = sizes.most_common(1)[0] if sizes else ("", 0)
        lines.append(
            f"{counted(len(sizes), 'group')} by {group}; the largest, {largest!r}, has "
            f"{counted(most, 'image')}"
        )
    if near_duplicates:
        paths = [image.path for image in index.images]
        found = find_near_duplicates(paths, flips=True, reading=index.reading, progress=progress)
        pairs += found.pairs
        lines += _duplicate_lines(index.images, found, names)
    together = joined(number, [(a, b) for a, b in pairs if a != b])
    alone = set(range(number)).difference(*together)
    members = sorted([*together, *((place,) for place in alone)])
    return _Units(members, names, lines)


def _uncounted(index: CocoIndex) -> list[str]:
    """Name what stays in the files and is no object that is balanced."""
    lines = [f"no usable object, kept: {count} x {why}" for why, count in index.skipped.items()]
    if index.num_crowd:
        lines.append(f"no single object, kept: {counted(index.num_crowd, 'crowd region')}")
    return lines


def _duplicate_lines(
    images: Sequence[ImageRecord], found: NearDuplicates, groups: Sequence[str] | None
) -> list[str]:
    lines = found.lines([image.file_name for image in images])
    if groups is not None:
        across = {
            tuple(sorted((groups[a], groups[b]))) for a, b in found.pairs if groups[a] != groups[b]
        }
        if across:
            first = " and ".join(repr(name) for name in min(across))
            lines.append(
                f"near-identical images join {counted(len(across), 'pair')} of groups (first: "
                f"{first}): they stay in one part"
            )
    return lines


def _dealt(index: CocoIndex, units: _Units, shares: Sequence[float], seed: int) -> list[int]:
    """The part of each image of `index`."""
    if len(units.members) < len(shares):
        raise DataError(
            "D11",
            f"{index.path.name}: {counted(len(index.images), 'image')} in "
            f"{counted(len(units.members), 'group')} that stay together cannot be dealt out to "
            f"{len(shares)} parts. Ask for fewer parts, give a finer rule for groups, or let "
            "near-identical images be divided (--no-near-duplicates).",
        )
    content, weights = content_of(index)
    rows = np.stack([content[list(members)].sum(axis=0) for members in units.members])
    sizes = [len(members) for members in units.members]
    part = [0] * len(index.images)
    for members, number in zip(
        units.members, deal(sizes, rows, weights, shares, seed), strict=True
    ):
        for place in members:
            part[place] = number
    return part


def _split(
    index: CocoIndex, units: _Units, part: Sequence[str], shares: Mapping[str, float]
) -> Split:
    ids = {
        name: tuple(image.id for image, own in zip(index.images, part, strict=True) if own == name)
        for name in PARTS
    }
    largest = max(map(len, units.members), default=0)
    groups = {}
    if units.groups is not None:
        groups = {image.id: name for image, name in zip(index.images, units.groups, strict=True)}
    lines = [*units.lines, *balance_lines(index, part, shares, largest)]
    return Split(**ids, lines=tuple(lines), groups=groups)
