"""Objects and labels become one map: hand-worked cases, and what must always hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from relook.ops.panoptic_merge import Objects, PanopticRule, merge
from relook.ops.rle import encode_mask

SKY, GRASS = 7, 9  # category ids
STUFF = {0: SKY, 1: GRASS, 3: GRASS}  # label 2 is things, two labels are one category


def objects(masks: Sequence[NDArray[np.bool_]], scores: Sequence[float]) -> Objects:
    boxes = []
    for mask in masks:
        ys, xs = np.nonzero(mask)
        boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(xs) else (0, 0, 0, 0))
    return Objects(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(scores, dtype=np.float32),
        list(range(1, len(masks) + 1)),
        [encode_mask(mask) for mask in masks],
    )


def rectangle(x: int, y: int, width: int, height: int) -> NDArray[np.bool_]:
    mask = np.zeros((8, 10), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


def labels(value: int = 0) -> NDArray[np.uint8]:
    return np.full((8, 10), value, dtype=np.uint8)


def test_the_better_object_is_on_top_and_stuff_gets_the_rest() -> None:
    below, above = rectangle(0, 0, 4, 4), rectangle(2, 0, 4, 4)
    semantic = labels(0)
    semantic[4:] = 1
    found = merge(objects([below, above], [0.6, 0.9]), semantic, STUFF, PanopticRule(stuff_area=1))
    first, second, sky, grass = found.segments
    assert (first.category_id, first.instance, first.area) == (2, 1, 16)
    assert (second.category_id, second.instance, second.area) == (1, 0, 8)
    assert first.box == (2, 0, 4, 4) and second.box == (0, 0, 2, 4)
    assert first.score == pytest.approx(0.9) and first.is_thing and not sky.is_thing
    assert (sky.category_id, sky.area, sky.box) == (SKY, 40 - 24, (6, 0, 4, 4))
    assert (grass.category_id, grass.area, grass.score) == (GRASS, 40, None)
    assert np.array_equal(found.ids == first.id, above)
    assert np.array_equal(found.ids == second.id, below & ~above)
    assert [segment.id for segment in found.segments] == [1, 2, 3, 4]


def test_scores_and_overlaps_at_the_limits() -> None:
    whole, half, most = rectangle(0, 0, 4, 4), rectangle(2, 0, 4, 4), rectangle(1, 0, 4, 4)
    exactly_half = merge(objects([whole, half], [0.9, 0.5]), labels(2), STUFF)
    assert [s.instance for s in exactly_half.segments] == [0, 1]  # 0.5 is not more than 0.5
    more = merge(objects([whole, most], [0.9, 0.5]), labels(2), STUFF)
    assert [s.instance for s in more.segments] == [0]
    too_low = merge(objects([whole, half], [0.9, 0.499]), labels(2), STUFF)
    assert [s.instance for s in too_low.segments] == [0]
    generous = PanopticRule(overlap=0.8, score=0.4)
    both = merge(objects([whole, most], [0.9, 0.45]), labels(2), STUFF, generous)
    assert [s.area for s in both.segments] == [16, 4]


def test_what_is_covered_whole_or_empty_is_no_segment() -> None:
    whole, inside = rectangle(0, 0, 6, 6), rectangle(1, 1, 2, 2)
    rule = PanopticRule(overlap=1.0)
    found = merge(
        objects([whole, inside, rectangle(0, 0, 0, 0)], [0.9, 0.8, 0.7]), labels(2), {}, rule
    )
    assert [s.instance for s in found.segments] == [0]


def test_small_stuff_is_void_and_labels_of_things_are_too() -> None:
    semantic = labels(2)
    semantic[0, :5] = 0
    semantic[1, :3] = 1
    semantic[2, :3] = 3  # with label 1 the same category
    found = merge(objects([], []), semantic, STUFF, PanopticRule(stuff_area=6))
    assert [(s.category_id, s.area) for s in found.segments] == [(GRASS, 6)]
    assert int(np.count_nonzero(found.ids)) == 6
    smaller = merge(objects([], []), semantic, STUFF, PanopticRule(stuff_area=5))
    assert [(s.category_id, s.area) for s in smaller.segments] == [(SKY, 5), (GRASS, 6)]


def test_the_published_rule_needs_4096_pixels_of_stuff() -> None:
    semantic = np.zeros((64, 65), dtype=np.uint8)
    semantic[:, 64] = 2
    assert merge(objects([], []), semantic, STUFF).segments[0].area == 4096
    semantic[0, 0] = 2
    assert merge(objects([], []), semantic, STUFF).segments == ()


def test_suppression_is_by_boxes_whatever_the_class_and_the_order_can_be_by_area() -> None:
    big, small = rectangle(0, 0, 8, 8), rectangle(0, 0, 8, 5)
    pair = objects([big, small], [0.9, 0.8])
    rule = PanopticRule(suppress_iou=0.6)
    assert [s.instance for s in merge(pair, labels(2), {}, rule).segments] == [0]
    rule = PanopticRule(suppress_iou=0.7, order="area")
    assert [s.instance for s in merge(pair, labels(2), {}, rule).segments] == [1]
    rule = PanopticRule(order="area", overlap=0.7)
    assert [s.instance for s in merge(pair, labels(2), {}, rule).segments] == [1, 0]
    assert len(merge(pair, labels(2), {}, PanopticRule(max_objects=1)).segments) == 1


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Objects, NDArray[np.uint8], PanopticRule]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    masks = [rng.random((8, 10)) < draw(st.floats(0, 1)) for _ in range(draw(st.integers(0, 5)))]
    rule = PanopticRule(
        score=draw(st.sampled_from([0.0, 0.5])),
        overlap=draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        stuff_area=draw(st.integers(0, 30)),
        suppress_iou=draw(st.sampled_from([None, 0.5])),
        order=draw(st.sampled_from(["score", "area"])),
    )
    semantic = rng.integers(0, 5, (8, 10)).astype(np.uint8)
    return objects(masks, rng.random(len(masks)).tolist()), semantic, rule


@given(scenes())
def test_every_pixel_has_one_owner_and_every_number_agrees(
    scene: tuple[Objects, NDArray[np.uint8], PanopticRule],
) -> None:
    things, semantic, rule = scene
    found = merge(things, semantic, STUFF, rule)
    assert sorted(set(np.unique(found.ids)) - {0}) == [s.id for s in found.segments]
    for segment in found.segments:
        mask = found.ids == segment.id
        ys, xs = np.nonzero(mask)
        assert segment.area == len(xs) > 0
        assert segment.box == (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
        if segment.instance is None:
            assert {STUFF.get(int(v)) for v in np.unique(semantic[mask])} == {segment.category_id}
            assert segment.area >= rule.stuff_area
        else:
            assert things.scores[segment.instance] >= np.float32(rule.score)
            assert segment.category_id == things.category_ids[segment.instance]
    instances = [s.instance for s in found.segments if s.is_thing]
    assert len(instances) == len(set(instances))


def test_nothing_that_is_given_is_changed() -> None:
    semantic = labels(0)
    merge(objects([rectangle(0, 0, 4, 4)], [0.9]), semantic, STUFF)
    assert np.array_equal(semantic, labels(0))
