"""One composed image: what covers what, and what the dials do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from relook.data.compose.scene import (
    Composed,
    Piece,
    Scene,
    compose_image,
    tight_box,
    visible_parts,
)
from relook.data.compose.sources import Materials, Source, read_materials
from relook.errors import UsageError


@pytest.fixture(scope="module")
def materials(make_source: Callable[..., Source]) -> Materials:
    return read_materials([make_source()])


def piece(materials: Materials, side: int, left: int, top: int, shade: int = 0) -> Piece:
    pixels = np.full((side, side, 3), shade, np.uint8)
    cut_out = materials.cut_outs[0][0]
    return Piece(cut_out, pixels, np.ones((side, side), bool), left, top)


def test_the_hidden_part_of_a_square_is_gone(materials: Materials) -> None:
    lower, upper = piece(materials, 10, 0, 0), piece(materials, 10, 6, 4)
    below, above = visible_parts([lower, upper])
    assert above is not None and above.all()
    assert below is not None
    assert below.sum() == 100 - 4 * 6
    assert not below[4:, 6:].any()
    assert below[:4].all() and below[:, :6].all()
    assert tight_box(below, lower.left, lower.top) == (0, 0, 10, 10)
    assert lower.mask.all()  # what was passed in is as it was


def test_a_covered_stripe_makes_the_box_smaller(materials: Materials) -> None:
    below, _ = visible_parts([piece(materials, 10, 3, 5), piece(materials, 10, 9, 5)])
    assert below is not None
    assert tight_box(below, 3, 5) == (3, 5, 9, 15)
    assert below.sum() == 60


def test_what_is_hardly_visible_is_not_there_and_covers_nothing(materials: Materials) -> None:
    lowest = piece(materials, 10, 6, 0)
    middle = piece(materials, 10, 0, 0)  # 20 of its 100 pixels are visible, too few
    highest = piece(materials, 10, 0, 2)
    below, none, above = visible_parts([lowest, middle, highest])
    assert none is None
    assert above is not None and above.all()
    assert below is not None
    assert below.sum() == 100 - 4 * 8  # of the highest one; the middle one would cover two rows
    assert below[:2].all()


def composed(materials: Materials, number: int = 40, **scene: Any) -> list[Composed]:
    given = {"side": 160, "objects": (6, 6), **scene}
    return [
        compose_image(materials, Scene(**given), np.random.default_rng([7, k]))
        for k in range(number)
    ]


def overlaps(image: Composed) -> list[float]:
    """Of each object, the highest IoU of its box with another's; written out."""
    boxes = [
        tight_box(part, piece.left, piece.top)
        for piece, part in zip(image.pieces, image.visible, strict=True)
    ]
    highest = []
    for i, (ax1, ay1, ax2, ay2) in enumerate(boxes):
        best = 0.0
        for j, (bx1, by1, bx2, by2) in enumerate(boxes):
            width, height = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
            if i != j and width > 0 and height > 0:
                union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - width * height
                best = max(best, width * height / union)
        highest.append(best)
    return highest


def test_masks_are_apart_and_the_pixels_are_those_of_the_pieces(materials: Materials) -> None:
    for image in composed(materials, 10, overlap=(0.3, 0.6), sizes=(1, 4)):
        owners = np.zeros(image.pixels.shape[:2], int)
        for one, part in zip(image.pieces, image.visible, strict=True):
            height, width = part.shape
            rows, columns = slice(one.top, one.top + height), slice(one.left, one.left + width)
            assert owners[rows, columns].shape == part.shape  # inside the image
            owners[rows, columns] += part
            assert part.sum() >= 0.25 * one.mask.sum()
            assert not (part & ~one.mask).any()
            np.testing.assert_array_equal(image.pixels[rows, columns][part], one.pixels[part])
        assert owners.max() == 1


def test_the_same_state_makes_the_same_image(materials: Materials) -> None:
    first, again = (composed(materials, 2, overlap=(0, 0.5)) for _ in range(2))
    np.testing.assert_array_equal(first[0].pixels, again[0].pixels)
    assert first[0].dials == again[0].dials
    assert not np.array_equal(first[0].pixels, first[1].pixels)


def test_the_overlap_dial_sets_the_overlap(materials: Materials) -> None:
    means = []
    for dial in (0.0, 0.2, 0.4, 0.6):
        images = composed(materials, overlap=(dial, dial), sizes=(1, 1))
        values = [value for image in images for value in overlaps(image)]
        means.append(np.mean(values))
        if dial == 0:
            assert max(values) == 0
    assert means == sorted(means)
    assert min(np.diff(means)) > 0.04
    assert means[1] == pytest.approx(0.2, abs=0.06)


def test_the_sizes_dial_sets_the_ratio_of_sizes(materials: Materials) -> None:
    for ratio in (1.0, 2.0, 3.0):
        for image in composed(materials, 8, overlap=(0, 0), sizes=(ratio, ratio), objects=(2, 2)):
            roots = [np.sqrt(one.mask.sum()) for one in image.pieces]
            assert image.dials.size_ratio == pytest.approx(ratio)
            assert len(roots) == 2
            assert max(roots) / min(roots) == pytest.approx(ratio, rel=0.08)


def test_every_object_is_in_the_image_or_counted(materials: Materials) -> None:
    crowded = composed(materials, 10, overlap=(0, 0), objects=(40, 40))
    for image in crowded:
        assert len(image.pieces) + sum(image.left_out.values()) == 40
        assert image.left_out["no place without more overlap"] > 0
    huge = composed(materials, 10, overlap=(0, 0), sizes=(16, 16), side=400, objects=(2, 2))
    assert all(image.left_out["no cut-out of that size"] == 1 for image in huge)


def test_images_differ_in_their_dials(materials: Materials) -> None:
    dials = [image.dials for image in composed(materials, 30, objects=(3, 9))]
    assert min(one.overlap for one in dials) < 0.15 and max(one.overlap for one in dials) > 0.5
    assert min(one.size_ratio for one in dials) < 1.5 and max(one.size_ratio for one in dials) > 4
    assert {one.num_objects for one in dials} == set(range(3, 10))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"overlap": (0.5, 0.2)}, "overlap is 0.5 to 0.2"),
        ({"overlap": (-0.1, 0.2)}, "must lie in 0 to 0.6"),
        ({"overlap": (0.0, float("nan"))}, "overlap is 0 to nan"),
        ({"sizes": (0.5, 2)}, "sizes is 0.5 to 2"),
        ({"objects": (0, 4)}, "objects is 0 to 4"),
        ({"side": 100}, "the side is 100 pixels"),
    ],
)
def test_dials_beyond_their_range(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"U03.*{words}"):
        Scene(**wrong)
