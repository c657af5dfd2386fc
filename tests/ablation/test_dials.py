"""Groups of composed images by their dials."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from relook.ablation.dials import DIALS, PARTS, dial_groups


def _file(folder: Path, dials: list[Any]) -> Path:
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": f"{number}.jpg", "width": 8, "height": 8}
        for number in range(1, len(dials) + 1)
    ]
    for image, one in zip(images, dials, strict=True):
        if one is not None:
            image["dials"] = one
    path = folder / "val.json"
    categories = [{"id": 1, "name": "object"}]
    content = {"images": images, "annotations": [], "categories": categories}
    path.write_text(json.dumps(content))
    return path


def test_each_dial_cuts_the_images_into_ranges_that_do_not_overlap(tmp_path: Path) -> None:
    dials = [{"overlap": (7 * n) % 50 / 100, "size_ratio": 1.0 + n, "num_objects": 3}
             for n in range(50)]  # fmt: skip
    groups = dial_groups(_file(tmp_path, dials))
    assert [group.dial for group in groups] == [dial for dial in DIALS for _ in range(PARTS)]
    assert len({group.name for group in groups}) == len(groups)
    for dial in DIALS:
        parts = [group for group in groups if group.dial == dial]
        assert sorted(number for part in parts for number in part.images) == list(range(1, 51))
        for one, after in itertools.pairwise(parts):
            assert one.low <= one.high < after.low
        for part in parts:
            values = [dials[number - 1][dial] for number in part.images]
            assert (min(values), max(values)) == (part.low, part.high)
            assert part.low < part.middle < part.high


def test_images_without_dials_make_no_groups(tmp_path: Path) -> None:
    assert dial_groups(_file(tmp_path, [None] * 60)) == []


def test_too_few_images_or_a_dial_that_was_not_turned_make_no_groups(tmp_path: Path) -> None:
    few = [{"overlap": n / 10, "size_ratio": n} for n in range(8)]
    assert dial_groups(_file(tmp_path, few)) == []
    fixed = [{"overlap": 0.2, "size_ratio": 1.0 + n} for n in range(60)]
    assert {group.dial for group in dial_groups(_file(tmp_path, fixed))} == {"size_ratio"}


def test_images_with_the_same_dial_stay_together(tmp_path: Path) -> None:
    values = [0.0] * 30 + [0.1] * 3 + [0.2 + n / 100 for n in range(17)]
    dials = [{"overlap": value, "size_ratio": 1.0} for value in values]
    groups = dial_groups(_file(tmp_path, dials))
    assert [(group.low, group.high, len(group.images)) for group in groups] == [
        (0.0, 0.0, 30), (0.1, pytest.approx(0.24), 8), (0.25, pytest.approx(0.36), 12),
    ]  # fmt: skip


def test_values_that_read_the_same_stay_together(tmp_path: Path) -> None:
    dials = [{"overlap": 0.5 + n / 1e7, "size_ratio": 1.0 + n / 1e5} for n in range(60)]
    groups = dial_groups(_file(tmp_path, dials))
    assert {group.dial for group in groups} == {"size_ratio"}
    assert len({group.name for group in groups}) == len(groups) > 0
    assert sorted(number for group in groups for number in group.images) == list(range(1, 61))


@pytest.mark.parametrize(
    "dials",
    [5, "much", {"overlap": "much"}, {}]
    + [{"overlap": bad} for bad in (float("nan"), float("inf"), 10**400, True)],
)
def test_dials_that_are_none_are_left_out(tmp_path: Path, dials: Any) -> None:
    assert dial_groups(_file(tmp_path, [dials] * 60)) == []
