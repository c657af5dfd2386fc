"""What is taken of a layer: planes, channels, pyramids, pixel sizes, places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relook.errors import UsageError
from relook.napari.planes import check_view, pixel_size_of, placement, plane_of

STACK = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def test_an_image_is_taken_whole() -> None:
    plane = plane_of(STACK[0, 0], (9.0, 9.0))
    assert (plane.values == STACK[0, 0]).all()
    assert (plane.index, plane.words, plane.size) == ((), (), (4, 5))


def test_of_a_stack_the_current_plane() -> None:
    plane = plane_of(STACK, (0.6, 1.4, 0.0, 0.0))
    assert (plane.values == STACK[1, 1]).all()
    assert plane.index == (1, 1)
    assert plane.words == ("the current plane (1 of 2 along axis 0, 1 of 3 along axis 1)",)


@pytest.mark.parametrize("position", [-0.6, 1.6, float("nan")])
def test_a_slider_outside_of_the_layer_is_refused(position: float) -> None:
    with pytest.raises(UsageError, match="planes 0 to 1 there"):
        plane_of(STACK, (position, 0, 0, 0), name="cells")


def test_channels_along_an_axis() -> None:
    plane = plane_of(STACK, (1, 2, 0, 0), channel_axis=1)
    assert (plane.values == np.moveaxis(STACK[1], 0, 2)).all()
    assert plane.index == (1, 0)
    assert plane.words[1] == "channels along axis 1 (3)"
    plane = plane_of(STACK, (1, 2, 0, 0), channel_axis=0)
    assert (plane.values == np.moveaxis(STACK[:, 2], 0, 2)).all()


@pytest.mark.parametrize("axis", [2, 3, -1])
def test_rows_are_no_channels(axis: int) -> None:
    with pytest.raises(UsageError, match="cannot be its channels"):
        plane_of(STACK, (0, 0, 0, 0), channel_axis=axis)


def test_colours_lose_their_alpha() -> None:
    colours = np.zeros((2, 6, 7, 4), np.uint8)
    colours[1, ..., 3] = 255
    plane = plane_of(colours, (1, 0, 0), is_rgb=True)
    assert plane.values.shape == (6, 7, 3)
    assert plane.words[-1] == "alpha left out"
    assert plane_of(colours[0, ..., :3], (0, 0), is_rgb=True).words == ()


def test_only_the_plane_of_a_pyramid_is_read() -> None:
    class Lazy:
        shape = (50, 8, 9)
        read: list[Any] = []

        def __getitem__(self, where: Any) -> np.ndarray:
            self.read.append(where)
            return np.ones((8, 9), np.uint16)

    plane = plane_of([Lazy(), None], (7, 0, 0), is_multiscale=True)
    assert plane.size == (8, 9)
    assert Lazy.read == [(7,)]
    assert plane.words[0] == "full resolution of 2"


def test_views_that_show_no_image_are_refused() -> None:
    check_view((2, 3), 4)
    check_view((3, 2), 4)  # transposed: the same plane
    with pytest.raises(UsageError, match="Switch it to 2D"):
        check_view((0, 1, 2), 3)
    with pytest.raises(UsageError, match="Roll the axes back"):
        check_view((0, 2), 3)


@pytest.mark.parametrize(
    ("scale", "units", "unit", "expected"),
    [
        ((5, 0.5, 0.25), ("pixel", "micrometer", "micrometer"), None, (0.5, 0.25)),
        ((250, 250), ("nanometer", "nanometer"), None, (0.25, 0.25)),
        ((2, 2), ("millimeter", "micrometer"), None, (2000, 2)),
        ((0.5, 0.5), ("pixel", "pixel"), "um", (0.5, 0.5)),
        ((-0.5, 0.5), ("pixel", "pixel"), "nm", (0.0005, 0.0005)),
        ((0.5, 0.5), ("pixel", "pixel"), None, None),
        ((0.5, 0.5), ("pixel", "pixel"), "pixel", None),
        ((0.5, 0.5), ("second", "second"), None, None),
        ((0.0, 0.5), ("um", "um"), None, None),
    ],
)
def test_pixel_sizes(scale: Any, units: Any, unit: str | None, expected: Any) -> None:
    size, words = pixel_size_of(scale, units, unit)
    assert size == (None if expected is None else pytest.approx(expected))
    assert ("unknown" in words) == (expected is None)


def test_the_own_unit_of_a_layer_wins() -> None:
    assert pixel_size_of((2, 2), ("um", "um"), "nm")[0] == (2, 2)


def test_labels_lie_on_their_plane() -> None:
    place = placement((3,), scale=(2, 0.5, 0.5), translate=(1, 7, 8), rotate=np.eye(3))
    assert place["axes"] == 3
    assert place["translate"].tolist() == [7, 7, 8]
    assert place["scale"].tolist() == [2, 0.5, 0.5]


def test_labels_of_a_turned_stack_lie_on_their_plane() -> None:
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    place = placement((3,), scale=(2, 1, 1), translate=(0, 0, 0), rotate=turn)
    assert place["translate"].tolist() == [0, 6, 0]


def test_labels_are_seen_on_all_channels_of_the_first_axis() -> None:
    place = placement(
        (0, 4), scale=(1, 2, 3, 3), translate=(9, 0, 1, 1), rotate=np.eye(4), channel_axis=0
    )
    assert place["axes"] == 3
    assert place["translate"].tolist() == [8, 1, 1]
    assert place["rotate"].shape == (3, 3)
