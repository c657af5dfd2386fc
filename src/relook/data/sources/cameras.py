"""Cameras of this machine, by OpenCV: a number of frames, each taken when it is its turn."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import RelookError
from ...runtime.opencv_logs import no_opencv_logs
from .stored import StoredImage

_CAMERA: Final = re.compile(r"camera:(\d{1,4})")


def camera_number(source: str) -> int | None:
    """The number of a camera from ``camera:N``; None for other sources."""
    match = _CAMERA.fullmatch(source)
    return int(match[1]) if match else None


class Camera:
    """A camera, opened at once, so that one that is not there is told early.

    Its frames are taken in order and once: they can be neither shared nor taken again.

    Raises:
        RelookError: R04 when it cannot be opened.
    """

    def __init__(self, number: int) -> None:
        self.name = f"camera:{number}"
        with no_opencv_logs():  # what OpenCV warns of is told below
            self._capture = cv2.VideoCapture(number)
        self._started: float | None = None
        self._times: dict[int, float] = {}
        self._next = 0
        if not self._capture.isOpened():
            raise RelookError(
                "R04",
                f"{self.name}: there is no such camera, or another program has it. The first "
                "one is camera:0.",
            )

    def frames(self, most: int, every: int = 1) -> list[CameraFrame]:
        """The next `most` frames to be, every `every`-th."""
        numbers = range(0, most * every, every)
        return [CameraFrame(self, number, f"{self.name}#{number:06}") for number in numbers]

    def read(self, number: int) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) RGB of frame `number`; those before it are passed over.

        Raises:
            RelookError: R04 when the camera gives no more frames.
        """
        while self._next <= number:
            is_there, pixels = self._capture.read()
            if not is_there:
                raise RelookError("R04", f"{self.name} gave no more frames after {self._next}.")
            now = time.monotonic()
            self._started = now if self._started is None else self._started
            self._times = {self._next: now - self._started} | dict(list(self._times.items())[-99:])
            self._next += 1
        return np.ascontiguousarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def time_of(self, number: int) -> float | None:
        """Seconds from the first frame to frame `number`, which was among the last ones."""
        return self._times.get(number)

    def close(self) -> None:
        """Give the camera free."""
        self._capture.release()


@dataclass(frozen=True, slots=True)
class CameraFrame(StoredImage):
    """Frame of a camera, ``camera:0#000012``."""

    camera: Camera = field(repr=False)
    number: int
    name: str

    @property
    def stem(self) -> str:
        """As `StoredImage.stem`."""
        return f"{self.camera.name.replace(':', '')}-{self.number:06}"

    @property
    def frame(self) -> int:
        """Number of the frame, from 0."""
        return self.number

    @property
    def time(self) -> float | None:
        """Seconds from the first frame, once it was taken."""
        return self.camera.time_of(self.number)

    def load(self) -> NDArray[np.uint8]:
        """As `StoredImage.load`; raises `RelookError` R04 when the camera gives none."""
        return self.camera.read(self.number)
