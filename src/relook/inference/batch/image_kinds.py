"""Lines about the images of a run: one for each kind, not for each of hundreds."""

from __future__ import annotations

from collections.abc import Callable

from ...data.images import ImageInfo
from ...errors import counted


class KindsOfImages:
    """Says how images are read, once for all that are read alike.

    Args:
        say: What a line for people is given to.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kinds: set[str] = set()
        self._images, self._values = 0, 0

    def add(self, info: ImageInfo | None) -> None:
        """Count an image, and say how it was read where that is new."""
        if info is None:
            return
        if info.kind not in self._kinds:
            self._kinds.add(info.kind)
            self._say(f"images: {info.kind}")
        if info.invalid:
            self._images += 1
            self._values += info.invalid

    def finish(self) -> None:
        """Say how many images have values that are no numbers."""
        if self._images:
            self._say(
                f"NaN or infinite: {counted(self._values, 'value')} in "
                f"{counted(self._images, 'image')}; NaN is read as the lowest value, an infinity "
                "as the lowest or highest"
            )
