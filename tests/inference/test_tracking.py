"""Identities over the frames of a synthetic film whose truth is known."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.data.coco.reader import Category
from relook.errors import DataError, UsageError
from relook.inference.results import Result
from relook.inference.tracking import Tracker, TrackOptions, several_processes
from relook.ops.rle import encode_mask

SIZE = (64, 96)


def disc(x: float, y: float, radius: float = 6) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def frame(
    places: list[tuple[float, float]], labels: list[int] | None = None, *, masks: bool = True
) -> Result:
    """A result with a disc at each place; an earlier one covers a later one."""
    covered = np.zeros(SIZE, bool)
    shown = []
    for x, y in places:
        mask = disc(x, y) & ~covered
        covered |= mask
        shown.append(mask)
    boxes = [[x - 6, y - 6, x + 7, y + 7] for x, y in places]
    return Result(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.full(len(places), 0.9, np.float32),
        labels=np.array(labels or [0] * len(places), np.int64),
        masks=tuple(encode_mask(mask) for mask in shown) if masks else None,
        size=SIZE,
        classes=(Category(1, "a"), Category(2, "b")),
    )


@pytest.mark.parametrize("masks", [True, False])
def test_moving_objects_that_touch_keep_their_identities(masks: bool) -> None:
    tracker = Tracker()
    generator = np.random.default_rng(0)
    switches = 0
    before: dict[int, int] = {}
    for step in range(24):
        truth = [
            (12 + 3 * step, 20.0),  # passes the next one at a distance of 13: they touch
            (84 - 3 * step, 33.0),
            (48.0, 46 + 0.5 * step),
        ]
        order = generator.permutation(3)
        ids = tracker.update(frame([truth[i] for i in order], masks=masks))
        now = {int(who): int(identity) for who, identity in zip(order, ids, strict=True)}
        switches += sum(before.get(who, identity) != identity for who, identity in now.items())
        before = now
    assert switches == 0
    assert tracker.num_tracks == 3


def test_a_gap_is_bridged_and_a_longer_one_is_not() -> None:
    tracker = Tracker(gap=2)
    assert tracker.update(frame([(10, 30)])).tolist() == [1]
    assert tracker.update(frame([(14, 30)])).tolist() == [1]
    for _ in range(2):
        assert tracker.update(frame([])).tolist() == []
    assert tracker.update(frame([(26, 30)])).tolist() == [1]  # where its velocity takes it
    for _ in range(3):
        tracker.update(frame([]))
    assert tracker.update(frame([(42, 30)])).tolist() == [2]


def test_classes_are_not_mixed_and_new_objects_get_new_identities() -> None:
    tracker = Tracker()
    assert tracker.update(frame([(20, 20), (60, 40)], [0, 1])).tolist() == [1, 2]
    assert tracker.update(frame([(20, 20), (60, 40)], [1, 1])).tolist() == [3, 2]


def test_objects_that_leave_the_image_end() -> None:
    tracker = Tracker(gap=1)
    for x in (80, 90, 100):
        tracker.update(frame([(x, 30)] if x < 96 else []))
    assert tracker.update(frame([(90, 30)])).tolist() == [2]


def test_values_out_of_range_and_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ({"overlap": 0.0}, {"overlap": 1.5}, {"gap": -1}):
        with pytest.raises(UsageError, match="U03"):
            Tracker(**options)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="U03"):
            TrackOptions(**options)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(UsageError, match=r"relook\[video\]"):
        Tracker()


def test_a_frame_that_is_missed_counts_as_one() -> None:
    tracker = Tracker(gap=1)
    tracker.update(frame([(10, 30)]))
    tracker.update(frame([(14, 30)]))
    tracker.miss()
    assert tracker.update(frame([(22, 30)])).tolist() == [1]
    tracker.miss()
    tracker.miss()
    assert tracker.update(frame([(34, 30)])).tolist() == [2]


def test_objects_of_a_single_frame_are_counted() -> None:
    tracker = Tracker(gap=0)
    assert tracker.num_single == 0
    tracker.update(frame([(10, 30), (60, 30)]))
    assert tracker.num_single == 2
    tracker.update(frame([(12, 30)]))
    assert tracker.num_single == 1
    for _ in range(3):
        tracker.update(frame([]))
    tracker.update(frame([(50, 50)]))
    assert (tracker.num_tracks, tracker.num_single) == (3, 2)


def test_frames_have_one_size_and_one_process() -> None:
    tracker = Tracker()
    tracker.update(frame([(10, 30)]))
    with pytest.raises(DataError, match=r"D10: tracking: a frame has 5x5 pixels.*96x64"):
        tracker.update(replace(frame([]), size=(5, 5)))
    assert tracker.update(frame([(11, 30)])).tolist() == [1]
    assert "--devices" in str(several_processes())
