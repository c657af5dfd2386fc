from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relook.data.images import read_image
from relook.data.panoptic.reader import read_panoptic, read_truth
from relook.errors import UsageError
from relook.structures.panoptic import PanopticCategory, PanopticMap, Segment
from relook.visualization.overlay import MOST_TEXTS
from relook.visualization.panoptic import draw_panoptic

CATEGORIES = (
    PanopticCategory(4, "grass", False),
    PanopticCategory(9, "cat", True),
    PanopticCategory(11, "dog", True),
)
GREY = np.full((400, 800, 3), 128, np.uint8)


def a_map() -> PanopticMap:
    """Two cats and a dog on grass; the right quarter is void."""
    ids = np.full((400, 800), 1, np.int32)
    ids[:, 600:] = 0
    places = {2: 50, 3: 200, 4: 400}
    for key, x in places.items():
        ids[100:250, x : x + 120] = key
    things = tuple(
        Segment(key, 11 if key == 4 else 9, True, 18000, (x, 100, 120, 150), score=0.875)
        for key, x in places.items()
    )
    grass = Segment(1, 4, False, 400 * 600 - 3 * 18000, (0, 0, 600, 400))
    return PanopticMap(ids, (grass, *things))


def colors(picture: np.ndarray) -> list[tuple[int, ...]]:
    """Colours in the middle of the grass, the cats, the dog, and the void."""
    points = ((350, 300), (175, 110), (175, 260), (175, 460), (200, 700))
    return [tuple(picture[y, x].tolist()) for y, x in points]


def distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def test_every_segment_has_its_colour() -> None:
    plain = np.asarray(draw_panoptic(GREY, a_map(), CATEGORIES, text=False))
    grass, first, second, dog, void = colors(plain)
    assert plain.shape == GREY.shape
    assert void == (128, 128, 128)
    assert len({grass, first, second, dog, void}) == 5
    # Cats are near each other and far from the dog; stuff is paler than things.
    assert distance(first, second) < min(distance(first, dog), distance(second, dog))
    spread = [max(color) - min(color) for color in (grass, first, second, dog)]
    assert spread[0] < min(spread[1:])


def test_names_and_scores_are_written_and_can_be_left_out() -> None:
    plain = np.asarray(draw_panoptic(GREY, a_map(), CATEGORIES, text=False))
    named = np.asarray(draw_panoptic(GREY, a_map(), CATEGORIES))
    differs = (plain != named).any(axis=2)
    assert differs[60:100, 50:170].any()  # above a cat
    assert differs[250:400, :600].any()  # on the grass
    assert not differs[:, 650:].any()
    without = PanopticMap(
        a_map().ids,
        tuple(Segment(s.id, s.category_id, s.is_thing, s.area, s.box) for s in a_map().segments),
    )
    unscored = np.asarray(draw_panoptic(GREY, without, CATEGORIES))
    assert (unscored != named).any()


def test_a_crowd_is_called_one() -> None:
    grass, *things = a_map().segments
    alone = [replace(one, score=None) for one in things]
    crowd = [replace(one, is_crowd=True) for one in alone]
    pictures = [
        np.asarray(draw_panoptic(GREY, PanopticMap(a_map().ids, (grass, *some)), CATEGORIES))
        for some in (crowd, alone)
    ]
    assert (pictures[0] != pictures[1]).any()


def test_nothing_but_void() -> None:
    empty = PanopticMap(np.zeros((400, 800), np.int32), ())
    assert (np.asarray(draw_panoptic(GREY, empty, CATEGORIES)) == 128).all()


def test_the_image_is_not_changed() -> None:
    image = GREY.copy()
    draw_panoptic(image, a_map(), CATEGORIES)
    assert (image == 128).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"U03.*\(400, 800\).*\(400, 799\)"):
        draw_panoptic(GREY[:, 1:], a_map(), CATEGORIES)
    with pytest.raises(UsageError, match=r"U01.*category with id 11"):
        draw_panoptic(GREY, a_map(), CATEGORIES[:2])
    with pytest.raises(UsageError, match=r"U03.*RGB"):
        draw_panoptic(GREY[:, :, 0], a_map(), CATEGORIES)


def test_the_largest_segments_get_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = (np.arange(400)[:, None] // 40 * 10 + np.arange(800) // 80 + 1).astype(np.int32)
    ids[:40, :80][:20] = 101  # the first of a hundred is half as large
    segments = tuple(
        Segment(key + 1, 9, True, 3200, (key % 10 * 80, key // 10 * 40, 80, 40))
        for key in range(1, 100)
    )
    halves = (
        Segment(1, 11, True, 1600, (0, 20, 80, 20)),
        Segment(101, 11, True, 1600, (0, 0, 80, 20)),
    )
    texts: list[str] = []
    monkeypatch.setattr(
        "relook.visualization.panoptic.draw_labels",
        lambda picture, labels, *rest: texts.extend(label.text for label in labels),
    )
    draw_panoptic(GREY, PanopticMap(ids, (*halves, *segments)), CATEGORIES)
    assert texts == ["cat"] * MOST_TEXTS


def test_a_real_photograph() -> None:
    folder = Path(__file__).parents[2] / "datasets" / "coco_mini"
    index = read_panoptic(folder / "annotations" / "panoptic_val.json", folder / "images")
    image = max(index.images, key=lambda one: len(one.segments))
    picture = draw_panoptic(read_image(image.path), read_truth(image), index.categories)
    assert picture.size == (2 * image.width, 2 * image.height)
