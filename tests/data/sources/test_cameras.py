"""A camera that is made up; real ones were not tried."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from relook.data.images import read_image
from relook.data.sources.cameras import Camera, camera_number
from relook.errors import RelookError


class FakeCapture:
    """Gives five frames whose blue is their number."""

    opened: list[FakeCapture] = []

    def __init__(self, number: int) -> None:
        self.number, self.given, self.is_released = number, 0, False
        self.opened.append(self)

    def isOpened(self) -> bool:
        return self.number == 0

    def read(self) -> tuple[bool, Any]:
        if self.given == 5:
            return False, None
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[:, :, 0] = self.given
        self.given += 1
        return True, pixels

    def release(self) -> None:
        self.is_released = True


@pytest.fixture(autouse=True)
def captures(monkeypatch: pytest.MonkeyPatch) -> list[FakeCapture]:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    monkeypatch.setattr(FakeCapture, "opened", [])
    return FakeCapture.opened


@pytest.mark.parametrize(
    ("source", "number"),
    [("camera:0", 0), ("camera:12", 12), ("camera:", None), ("camera:x", None), ("a.png", None)],
)
def test_sources_that_are_cameras(source: str, number: int | None) -> None:
    assert camera_number(source) == number


def test_frames_are_taken_when_it_is_their_turn(captures: list[FakeCapture]) -> None:
    camera = Camera(0)
    first, second = camera.frames(2, every=3)
    assert captures[0].given == 0 and first.time is None
    assert (first.name, second.name) == ("camera:0#000000", "camera:0#000003")
    assert (first.stem, second.frame, second.stamp()) == ("camera0-000000", 3, None)
    assert read_image(first)[0, 0].tolist() == [0, 0, 0]
    assert read_image(second)[0, 0].tolist() == [0, 0, 3]  # red, green, blue
    assert captures[0].given == 4
    assert first.time == 0.0 and second.time is not None and second.time >= 0
    camera.close()
    assert captures[0].is_released


def test_a_camera_that_is_not_there_or_ends() -> None:
    with pytest.raises(RelookError, match="R04: camera:7: there is no such camera"):
        Camera(7)
    last = Camera(0).frames(6)[-1]
    with pytest.raises(RelookError, match="R04: camera:0 gave no more frames after 5"):
        last.load()
