"""Images found in sources, in order, with what was left out and the files that are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import UsageError, first_few
from .archives import Archive
from .cameras import Camera
from .listing import LINKED_FOLDER
from .stored import AnyImage, StoredImage
from .videos import Video

_SHOWN: Final = 12  # endings


@dataclass(frozen=True, slots=True)
class Found:
    """Images that sources mean, and what was left out; a context manager that closes files."""

    images: list[AnyImage]
    left_out: Mapping[str, int] = field(default_factory=dict)  # ending -> number of files
    unopened: int = 0  # archives and videos among these, which are opened when they are named
    containers: tuple[Archive | Video | Camera, ...] = ()
    root: Path | None = None
    """The deepest folder that holds all sources which are files, folders or patterns, absolute;
    None where they have none in common."""

    def __post_init__(self) -> None:
        names = Counter(str(image) for image in self.images)
        if len(names) < len(self.images):
            name, number = names.most_common(1)[0]
            raise UsageError("U04", f"{number} images are called {name}: give each its own name.")

    @property
    def is_live(self) -> bool:
        """Return whether there are cameras among the sources."""
        return any(isinstance(one, Camera) for one in self.containers)

    @property
    def files(self) -> list[Path]:
        """The images, which are all files.

        Raises:
            UsageError: U04 where there are others.
        """
        other = next((image for image in self.images if isinstance(image, StoredImage)), None)
        if other is not None:
            raise UsageError("U04", f"{other}: only image files can be used here. Save it as one.")
        return [image for image in self.images if isinstance(image, Path)]

    def left_out_line(self) -> str | None:
        """A line on what was left out of folders and archives, by ending; None for nothing."""
        if not self.left_out:
            return None
        line = f"left out: {by_ending(self.left_out)}"
        if self.unopened:
            line += "; archives and videos are opened when they are given by name"
        if LINKED_FOLDER in self.left_out:
            line += "; links to folders are followed when they are given by name"
        return line

    def close(self) -> None:
        """Close archives, videos and cameras."""
        for container in self.containers:
            container.close()

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()


def by_ending(left_out: Mapping[str, int]) -> str:
    """``3 .txt, 1 .json``, from a number for each ending."""
    return first_few((f"{count} {ending}" for ending, count in left_out.items()), _SHOWN)
