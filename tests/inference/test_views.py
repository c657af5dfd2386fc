"""Views of an image: what is asked for, and where its boxes are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relook import TTA
from relook.errors import UsageError
from relook.inference.views import mirrored, views_of

MEAN, STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flip", TTA(flip=True)),
        ("", TTA()),
        ("scales=800:1000", TTA(scales=(800, 1000))),
        (
            "flip, scales=64,merge=average,suppression=soft_nms",
            TTA((64,), flip=True, merge="average", suppression="soft_nms"),
        ),
    ],
)
def test_text_says_it(text: str, expected: TTA) -> None:
    assert TTA.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flop", "'flop'; expected flip, scales="),
        ("flip=no", "'flip=no'; expected"),
        ("scales", "'scales'; expected"),
        ("scales=8:x", "'scales=8:x'; expected"),
        ("scales=0", "from 1 to 10000"),
        ("scales=99999", "from 1 to 10000"),
        ("merge=unoin", "'unoin'; did you mean 'union'"),
        ("suppression=none", "'none'; "),
        ("flip,flip", "flip is there twice"),
    ],
)
def test_mistakes_are_explained(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"U03.*{message}"):
        TTA.parse(text)


def test_the_longer_side_is_at_most_half_as_long_again() -> None:
    assert TTA(scales=(800, 1000)).limits((1333, 800)) == [(1200, 800), (1500, 1000)]
    assert TTA(flip=True).limits((1333, 800)) == [(1333, 800)]


def test_views_have_their_sizes_and_mirrors_their_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    small, large, mirror, large_mirror = views_of(
        image, TTA((80, 100), flip=True), (64, 64), MEAN, STD
    )
    assert [v.images.sizes[0] for v in (small, large)] == [(80, 120), (100, 150)]
    assert [v.flipped for v in (small, large, mirror, large_mirror)] == [False, False, True, True]
    assert {v.images.original_sizes for v in (small, large)} == {((40, 60),)}
    torch.testing.assert_close(
        mirror.images.pixels[..., :80, :120], small.images.pixels[..., :80, :120].flip(-1)
    )
    (own,) = views_of(image, TTA(), (64, 64), MEAN, STD)
    assert own.images.sizes == ((43, 64),)


@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_boxes_go_there_and_back(pixel: float) -> None:
    image = np.zeros((41, 63, 3), dtype=np.uint8)
    boxes = torch.tensor([[3.0, 4, 20, 30], [0, 0, 63, 41]])
    for view in views_of(image, TTA((50, 96), flip=True), (64, 64), MEAN, STD):
        there = view.from_original(boxes, pixel)
        torch.testing.assert_close(view.to_original(there, pixel), boxes)
        width = view.images.sizes[0][1]
        assert there.min() >= 0 and there[:, 2].max() <= width + 1e-3


def test_a_mirror_turns_left_into_right() -> None:
    boxes = torch.tensor([[1.0, 2, 5, 8]])
    assert mirrored(boxes, 20).tolist() == [[15, 2, 19, 8]]
