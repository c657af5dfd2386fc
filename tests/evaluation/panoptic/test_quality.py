from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relook.data.panoptic.reader import read_panoptic, read_truth
from relook.errors import DataError
from relook.evaluation.panoptic.quality import PanopticQuality
from relook.evaluation.panoptic.scores import PanopticScores
from relook.ops.id_runs import id_extents
from relook.structures.panoptic import PanopticCategory, PanopticMap, Segment

from ...work import calls_of

CAT, DOG, GRASS, SKY = 9, 2, 4, 5
CATEGORIES = (
    PanopticCategory(DOG, "dog", True),
    PanopticCategory(GRASS, "grass", False),
    PanopticCategory(SKY, "sky", False),
    PanopticCategory(CAT, "cat", True),
)
Row = tuple[int, int, int]  # id, category, how many pixels


def line(*rows: Row, crowd: tuple[int, ...] = ()) -> PanopticMap:
    """A map of one row of pixels; segments stand side by side, id 0 is void."""
    ids = np.concatenate([np.full(count, key) for key, _, count in rows]).astype(np.int32)[None]
    return as_map(ids, {key: category for key, category, _ in rows if key}, crowd)


def as_map(
    ids: np.ndarray[Any, Any], categories: dict[int, int], crowd: tuple[int, ...] = ()
) -> PanopticMap:
    segments = [
        Segment(key, categories[key], categories[key] in (CAT, DOG), *extent, key in crowd)
        for key, extent in id_extents(ids).items()
        if key
    ]
    return PanopticMap(ids.astype(np.int32), tuple(segments))


def score(*pairs: tuple[PanopticMap, PanopticMap]) -> PanopticScores:
    quality = PanopticQuality(CATEGORIES)
    for truth, found in pairs:
        quality.add(truth, found)
    return quality.scores()


def counts(scores: PanopticScores) -> dict[str, tuple[int, int, int, float]]:
    """Class -> (matched, wrong, missed, sum of IoU), for the classes that are counted."""
    return {
        one.name: (one.tp, one.fp, one.fn, pytest.approx(one.iou))
        for one in scores.classes
        if one.is_counted
    }


def test_a_match_a_miss_and_a_false_find() -> None:
    truth = line((1, CAT, 8), (2, CAT, 4), (3, GRASS, 8))
    found = line((7, CAT, 6), (8, GRASS, 2), (9, DOG, 4), (6, GRASS, 8))
    # The cat of 8 is found with 6 (IoU 6/8), the other one called a dog; of the two parts of
    # grass, one is right.
    scores = score((truth, found))
    assert counts(scores) == {
        "cat": (1, 0, 1, 0.75),
        "dog": (0, 1, 0, 0),
        "grass": (1, 1, 0, 1),
    }
    assert scores.things.num_classes == 2
    assert scores.things.pq == pytest.approx((0.75 / 1.5 + 0) / 2)
    assert scores.stuff.pq == pytest.approx(1 / 1.5)
    assert scores.all.pq == pytest.approx((0.5 + 0 + 2 / 3) / 3)
    assert scores.all.sq == pytest.approx((0.75 + 0 + 1) / 3)
    assert scores.all.rq == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)
    assert scores.num_images == 1


@pytest.mark.parametrize(("shared", "is_match"), [(5, False), (6, True)])
def test_exactly_half_is_no_match(shared: int, is_match: bool) -> None:
    truth = line((1, CAT, 10))
    found = line((1, CAT, shared), (2, GRASS, 10 - shared))
    assert counts(score((truth, found)))["cat"][:3] == ((1, 0, 0) if is_match else (0, 1, 1))


def test_void_of_the_truth_is_not_in_the_union() -> None:
    truth = line((1, CAT, 4), (0, 0, 10))
    found = line((1, CAT, 14))
    assert counts(score((truth, found))) == {"cat": (1, 0, 0, 1)}


def test_void_of_what_is_found_is_in_the_union() -> None:
    truth = line((1, CAT, 14))
    found = line((1, CAT, 8), (0, 0, 6))
    assert counts(score((truth, found))) == {"cat": (1, 0, 0, 8 / 14)}


@pytest.mark.parametrize(("on_void", "wrong"), [(5, 1), (6, 0)])
def test_what_lies_on_void_by_more_than_half_is_not_wrong(on_void: int, wrong: int) -> None:
    truth = line((0, 0, on_void), (1, GRASS, 10 - on_void))
    found = line((1, DOG, 10))
    assert counts(score((truth, found))).get("dog", (0, 0))[:2] == (0, wrong)


@pytest.mark.parametrize(("category", "wrong"), [(CAT, 0), (DOG, 1)])
def test_crowds_excuse_finds_of_their_own_class(category: int, wrong: int) -> None:
    truth = line((1, CAT, 10), (2, GRASS, 5), crowd=(1,))
    found = line((3, category, 6), (4, category, 4), (2, GRASS, 5))
    scores = score((truth, found))
    # A crowd is neither matched, though the IoU with the first is 0.6, nor missed.
    name = "cat" if category == CAT else "dog"
    assert counts(scores).get(name, (0, 0, 0))[:3] == (0, 2 * wrong, 0)


def test_void_and_all_crowds_of_the_class_count_together() -> None:
    truth = line((0, 0, 2), (1, CAT, 2), (2, GRASS, 4), (3, CAT, 2), crowd=(1, 3))
    found = line((1, CAT, 10))
    assert counts(score((truth, found))) == {"grass": (0, 0, 1, 0)}


def test_images_add_up() -> None:
    one = line((1, CAT, 4), (0, 0, 10)), line((1, CAT, 14))
    two = line((1, CAT, 10)), line((1, CAT, 8), (2, CAT, 2))
    scores = score(one, two)
    assert counts(scores) == {"cat": (2, 1, 0, 1.8)}
    assert scores.num_images == 2
    (cat,) = (one for one in scores.classes if one.name == "cat")
    assert (cat.pq, cat.sq, cat.rq) == pytest.approx((1.8 / 2.5, 0.9, 2 / 2.5))


def test_nothing_there_and_nothing_found() -> None:
    scores = score((line((0, 0, 5)), line((0, 0, 5))))
    assert counts(scores) == {}
    assert scores.all.num_classes == 0
    assert np.isnan([scores.all.pq, scores.things.sq, scores.stuff.rq]).all()


def test_maps_that_cannot_be_compared() -> None:
    quality = PanopticQuality(CATEGORIES)
    with pytest.raises(DataError, match=r"D10.*image 3.*14x1.*12x1"):
        quality.add(line((1, CAT, 14)), line((1, CAT, 12)), "image 3")
    with pytest.raises(DataError, match=r"D07.*segment 1 has category_id 77"):
        quality.add(line((1, CAT, 14)), line((1, 77, 14)))
    lost = PanopticMap(np.zeros((1, 14), np.int32), line((1, CAT, 14)).segments)
    with pytest.raises(DataError, match=r"D15.*\(found\).*not in the map \(segment 1\)"):
        quality.add(line((1, CAT, 14)), lost)
    with pytest.raises(DataError, match=r"D15.*\(ground truth\)"):
        quality.add(lost, line((1, CAT, 14)))
    assert quality.scores().num_images == 0


IDS = hnp.arrays(np.int32, (6, 8), elements=st.integers(0, 6))
CLASSES = st.lists(st.sampled_from([CAT, DOG, GRASS, SKY]), min_size=7, max_size=7)


def maps(ids: Any, classes: list[int], crowd: tuple[int, ...] = ()) -> PanopticMap:
    return as_map(ids, dict(enumerate(classes)), crowd)


@given(IDS, IDS, CLASSES, CLASSES, st.sets(st.integers(1, 6)), st.permutations(range(1, 7)))
@settings(max_examples=150, deadline=None)
def test_what_always_holds(
    true_ids: Any, ids: Any, true_classes: Any, classes: Any, crowd: Any, order: Any
) -> None:
    ids[:3] = true_ids[:3]  # so that something matches
    truth, found = maps(true_ids, true_classes, tuple(crowd)), maps(ids, classes)
    scores = score((truth, found))
    for one in scores.classes:
        if one.is_counted:
            assert one.pq == pytest.approx(one.sq * one.rq)
            assert 0 <= one.pq <= min(one.sq, one.rq) + 1e-12
            assert max(one.sq, one.rq) <= 1 + 1e-12
            assert one.tp == 0 or one.sq > 0.5
    # Ids are names: others, and in another order, give the same.
    renamed = np.array([0, *(1000 * key for key in order)])
    again = as_map(renamed[ids], {int(renamed[n]): c for n, c in enumerate(classes)})
    assert counts(score((truth, again))) == counts(scores)
    everything = score((truth, truth))
    assert all(one.pq == 1 for one in everything.classes if one.is_counted)


@given(IDS, IDS, CLASSES, CLASSES)
@settings(max_examples=60, deadline=None)
def test_equal_to_pixels_counted_one_by_one(
    true_ids: Any, ids: Any, true_classes: Any, classes: Any
) -> None:
    ids[:3] = true_ids[:3]
    found = counts(score((maps(true_ids, true_classes, (2, 5)), maps(ids, classes))))
    expected: dict[str, list[float]] = {one.name: [0, 0, 0, 0.0] for one in CATEGORIES}
    name = {one.id: one.name for one in CATEGORIES}
    true_pixels = {k: set(np.flatnonzero(true_ids == k)) for k in range(7)}
    pixels = {k: set(np.flatnonzero(ids == k)) for k in range(1, 7)}
    matched = set()
    for f, area in pixels.items():
        if not area:
            continue
        row = expected[name[classes[f]]]
        same = [t for t in range(1, 7) if true_classes[t] == classes[f]]
        outside = area - true_pixels[0]
        for t in same:
            union = true_pixels[t] | outside
            iou = len(true_pixels[t] & area) / max(len(union), 1)
            if t not in (2, 5) and iou > 0.5:
                matched |= {("true", t), ("found", f)}
                row[0] += 1
                row[3] += iou
        excused = true_pixels[0].union(*(true_pixels[t] for t in same if t in (2, 5)))
        if ("found", f) not in matched and len(area & excused) / len(area) <= 0.5:
            row[1] += 1
    for t in (1, 3, 4, 6):
        if true_pixels[t] and ("true", t) not in matched:
            expected[name[true_classes[t]]][2] += 1
    assert found == {key: tuple(row) for key, row in expected.items() if any(row[:3])}


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_torchmetrics(seed: int) -> None:
    """On true maps with void and found ones without, and no crowds.

    torchmetrics does not know crowds, and leaves what is found to be void out of unions, too; the
    paper and COCO do so with void of the ground truth alone.
    """
    from torchmetrics.functional.detection import panoptic_quality

    random = np.random.default_rng(seed)
    quality, true, found = PanopticQuality(CATEGORIES), [], []
    for _ in range(4):
        true_ids = blobs(random)
        ids = np.where(random.random(true_ids.shape) < 0.2, blobs(random), true_ids)
        ids[ids == 0] = 10
        # There, all stuff of a class in an image is one segment.
        classes = [0, *random.choice([CAT, DOG], 8).tolist(), GRASS, SKY]
        found_classes = [*classes[:6], *random.choice([CAT, DOG], 3).tolist(), GRASS, SKY]
        quality.add(maps(true_ids, classes), maps(ids, found_classes))
        true.append(np.stack([np.array(classes)[true_ids], true_ids], axis=-1))
        found.append(np.stack([np.array(found_classes)[ids], ids], axis=-1))
    scores = quality.scores()
    inputs = torch.from_numpy(np.stack(found)), torch.from_numpy(np.stack(true))
    sets = {"things": {CAT, DOG}, "stuffs": {GRASS, SKY}}
    for rows in (scores.classes, (scores.all,)):
        theirs = panoptic_quality(
            *inputs, **sets, return_sq_and_rq=True, return_per_class=len(rows) > 1
        )
        # Its order of classes is that of the sets, which is nobody's promise.
        expected = sorted(np.atleast_2d(theirs.numpy()).tolist())
        ours = sorted([row.pq, row.sq, row.rq] for row in rows)
        np.testing.assert_allclose(ours, expected, atol=1e-9)
    assert 0.2 < scores.all.pq < 0.98


def blobs(random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Ids 1 to 8 of things, 9 and 10 of stuff, and void, as overlapping rectangles."""
    ids = np.zeros((40, 60), np.int64)
    for key in (9, 10, *range(1, 9)):
        x, y = random.integers(0, 40), random.integers(0, 25)
        ids[y : y + random.integers(8, 25), x : x + random.integers(8, 30)] = key
    return ids


@pytest.mark.parametrize("split", ["train", "val"])
def test_ground_truth_scores_one_against_itself(split: str) -> None:
    folder = Path(__file__).parents[3] / "datasets" / "coco_mini"
    index = read_panoptic(folder / "annotations" / f"panoptic_{split}.json", folder / "images")
    quality = PanopticQuality(index.categories)
    for image in index.images:
        truth = read_truth(image)
        quality.add(truth, truth)
    scores = quality.scores()
    for part in (scores.all, scores.things, scores.stuff):
        assert (part.pq, part.sq, part.rq) == (1, 1, 1)
    crowds = sum(one.is_crowd for image in index.images for one in image.segments)
    segments = sum(len(image.segments) for image in index.images)
    assert sum(one.tp for one in scores.classes) == segments - crowds
    assert sum(one.fp + one.fn for one in scores.classes) == 0


def test_work_does_not_grow_with_pairs_of_segments() -> None:
    y, x = np.divmod(np.arange(480 * 640).reshape(480, 640), 640)

    def scored(rows: int, columns: int) -> int:
        ids = y // (480 // rows) * columns + x // (640 // columns) + 1
        truth = maps(ids, [CAT] * (rows * columns + 1))
        found = maps(np.roll(ids, 10, axis=1), [CAT] * (rows * columns + 1))
        assert counts(score((truth, found)))["cat"][0] == rows * columns
        return calls_of(lambda: score((truth, found)))

    assert scored(10, 10) - scored(2, 2) <= 40 * 96  # with values of Python, segment by segment
