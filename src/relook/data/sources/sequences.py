"""Frames that belong together: those of a video, of a camera, or of a folder, in their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Final

from ...errors import UsageError
from .archives import Member
from .cameras import CameraFrame
from .stored import AnyImage
from .videos import Frame

_DIGITS: Final = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """Successive frames of one scene."""

    name: str  # of the video, the camera or the folder
    stem: str  # beginning of the names of its files
    images: tuple[AnyImage, ...]
    rate: Fraction | None = None  # frames a second, of those that are taken; None: not known

    def __len__(self) -> int:
        return len(self.images)


def sequences_of(images: Sequence[AnyImage], *, archives: bool = False) -> list[FrameSequence]:
    """The sequences of `images`, in the order in which each has its first image.

    Frames of a video or a camera are a sequence, and so are the images of one folder, those of
    folders inside it not included: sorted by their names, with digits compared as numbers, so that
    ``frame9.png`` comes before ``frame10.png``. With `archives` a folder of an archive is one too.

    Raises:
        UsageError: U04 for images that are no frames, and where every sequence has one image.
    """
    groups: dict[tuple[str, str], list[AnyImage]] = {}
    for image in images:
        groups.setdefault(_group_of(image, archives=archives), []).append(image)
    if groups and all(len(group) == 1 for group in groups.values()):
        raise UsageError(
            "U04",
            f"tracking: {next(iter(groups))[1]} gives one image, and objects are followed from "
            "one frame to the next. Give a video, or a folder of frames; else leave tracking out.",
        )
    stems: set[str] = set()
    return [_sequence(name, group, stems) for (_, name), group in groups.items()]


def number_aware(name: str) -> tuple[tuple[int, str], ...]:
    """A key by which names are sorted, with digits compared as numbers."""
    parts = _DIGITS.split(name)
    key = [(0, part) for part in parts]
    for index in range(1, len(parts), 2):
        digits = parts[index].lstrip("0")
        key[index] = (len(digits), digits)  # a number is larger where it has more digits
    return (*key, (0, name))


def _group_of(image: AnyImage, *, archives: bool) -> tuple[str, str]:
    """Kind and name of the sequence of an image."""
    if isinstance(image, Path):
        return "folder", str(image.parent)
    if isinstance(image, Frame):
        return "video", image.video.name
    if isinstance(image, CameraFrame):
        return "camera", image.camera.name
    if not isinstance(image, Member):
        raise UsageError(
            "U04",
            f"tracking: {image} is no frame of a video, a camera or a folder. Save the frames in "
            "one folder, or leave tracking out.",
        )
    if not archives:
        raise UsageError(
            "U04",
            f"tracking: {image} is in an archive, whose images may have nothing to do with each "
            "other. If they are frames, add --track-archives, in Python "
            "TrackOptions(archives=True); else leave tracking out.",
        )
    return "archive", str(PurePosixPath(image.name).parent)


def _sequence(name: str, images: list[AnyImage], stems: set[str]) -> FrameSequence:
    first, rate = images[0], None
    if isinstance(first, Frame):
        numbers = [image.number for image in images[:2] if isinstance(image, Frame)]
        rate = first.video.rate / (numbers[1] - numbers[0] if len(numbers) == 2 else 1)
        stem = PurePosixPath(name).stem
    elif isinstance(first, CameraFrame):
        stem = name.replace(":", "")
    else:
        images = sorted(images, key=lambda image: number_aware(_name_of(image)))
        stem = Path(name).resolve().name if isinstance(first, Path) else PurePosixPath(name).name
    return FrameSequence(name, _free(stem or "frames", stems), tuple(images), rate)


def _name_of(image: AnyImage) -> str:
    return image.name if isinstance(image, Path) else PurePosixPath(image.name).name


def _free(stem: str, stems: set[str]) -> str:
    """`stem`, or ``STEM-2`` and so on where it is taken."""
    name, number = stem, 1
    while name.casefold() in stems:  # some file systems do not tell a from A
        number += 1
        name = f"{stem}-{number}"
    stems.add(name.casefold())
    return name
