"""What is said when the minutes are enough, and when they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from examples.demo.plan import ENOUGH_STEPS, Plan, plan
from examples.demo.table import TableRow
from examples.demo.words import images, plan_lines, remarks

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.counting import Counting

ALL = (93, 10)


@pytest.fixture
def bad(blobs: Path) -> TableRow:
    """A row with mask AP 0."""
    return TableRow("bad", evaluate_coco(blobs, [], max_dets=10))


@pytest.fixture
def good(bad: TableRow) -> TableRow:
    """A row with mask AP 0.5 that was trained long enough."""
    assert bad.metrics.mask is not None
    mask = replace(bad.metrics.mask, ap=0.5)
    return TableRow("good", replace(bad.metrics, mask=mask), seconds=100.0, steps=50)


def _said(division: Plan) -> str:
    return "\n".join(plan_lines(division, ALL))


def test_a_plan_for_everything() -> None:
    said = _said(plan(10, 0.7))
    assert "all 93 validation images" in said
    assert "all 10" in said
    assert "training from scratch, for as long" in said
    assert "short" not in said


def test_a_plan_for_a_slow_machine_says_what_is_left_out() -> None:
    division = plan(10, 3.5)
    said = _said(division)
    assert f"{division.nuclei} of 93 validation images" in said
    assert "no training from scratch" in said
    assert "That is too short" not in said


def test_a_plan_that_is_too_short_names_the_minutes() -> None:
    said = _said(plan(2, 3.5))
    assert "That is too short" in said
    assert "make demo MINUTES=3" in said
    assert "Even the least" not in said
    assert "1 minute would be enough" in _said(plan(0.2, 0.5))
    assert "Even the least" in _said(plan(1, 10))


def test_nothing_to_say_about_a_whole_demo(bad: TableRow, good: TableRow) -> None:
    assert list(remarks(plan(10, 0.7), ALL, [bad, good, bad])) == []


def test_a_worse_model_is_called_so(bad: TableRow, good: TableRow) -> None:
    worse = replace(bad, seconds=100.0, steps=50)
    (said,) = remarks(plan(10, 0.7), ALL, [good, worse, bad])
    assert "worse than what it started from: mask AP 0.000 in place of 0.500." in said


def test_a_worse_count_is_called_so_even_where_the_masks_are_better(
    bad: TableRow, good: TableRow
) -> None:
    counts = Counting(0.5, 0.85, 0.9, 0.8, 10.0, 0.0, 20.0)
    before = replace(bad, metrics=replace(bad.metrics, best_counting=counts))
    more = replace(counts, count_error=12.0)
    after = replace(good, metrics=replace(good.metrics, best_counting=more))
    (said,) = remarks(plan(10, 0.7), ALL, [before, after, bad])
    assert "worse than what it started from: count error 12.0 in place of 10.0." in said
    (lost,) = remarks(plan(10, 0.7), ALL, [before, good, bad])
    assert "count error - in place of 10.0, F1 - in place of 0.850" in lost


def test_too_few_steps_are_said_with_the_minutes_that_would_do(
    bad: TableRow, good: TableRow
) -> None:
    short = replace(good, seconds=50.0, steps=10)
    few, alone, said = remarks(plan(1, 3.5), ALL, [bad, short])
    assert few.startswith("Not all validation images")
    assert alone.startswith("Not trained from scratch")
    assert f"10 of about {ENOUGH_STEPS} steps" in said
    assert "2 minutes would be enough" in said  # 12 / 10 of the one there was, and some room
    (*_, none) = remarks(plan(1, 3.5), ALL, [bad, replace(short, steps=0)])
    assert "got 0 of" in none


def test_one_image_is_no_images() -> None:
    assert (images(1), images(2)) == ("1 image", "2 images")
