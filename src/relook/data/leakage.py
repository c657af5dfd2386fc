"""Near-identical images within and across the parts of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import counted
from .coco.records import CocoIndex
from .near_duplicates import NearDuplicates, Progress, find_near_duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """Near-identical images of several annotation files, images named by file and place."""

    names: tuple[str, ...]  # of all images of all files
    part: tuple[int, ...]  # the file of each
    found: NearDuplicates

    @property
    def across(self) -> tuple[tuple[int, int], ...]:
        """Pairs of images of different files."""
        return tuple((a, b) for a, b in self.found.pairs if self.part[a] != self.part[b])

    def lines(self) -> list[str]:
        """Lines on what was found, for people; they are there too where nothing was."""
        lines = self.found.lines(self.names) or ["near-identical images: none"]
        if len(set(self.part)) > 1:
            pairs = self.across
            first = (
                f" (first: {self.names[pairs[0][0]]}, {self.names[pairs[0][1]]})" if pairs else ""
            )
            lines.append(
                f"near-identical images of different files: {counted(len(pairs), 'pair')}{first}"
            )
        return lines


def labels_of(paths: Sequence[Path]) -> list[str]:
    """Names of files for people: without their folders, unless two files have one name."""
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def leakage(
    indexes: Sequence[CocoIndex], *, flips: bool = True, progress: Progress | None = None
) -> Leakage:
    """Compare all images of all `indexes`; `progress` is told how many have been read.

    With `flips`, mirrored and turned images are near-identical too.
    """
    images = [(number, image) for number, index in enumerate(indexes) for image in index.images]
    labels = labels_of([index.path for index in indexes])
    names = (
        f"{labels[number]}:{image.file_name}" if len(indexes) > 1 else image.file_name
        for number, image in images
    )
    found = find_near_duplicates(
        [image.path for _, image in images],
        flips=flips,
        reading=indexes[0].reading,
        progress=progress,
    )
    return Leakage(names=tuple(names), part=tuple(number for number, _ in images), found=found)
