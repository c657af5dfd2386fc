"""Rows of single images: their sums, their order, their cells."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from relook.evaluation.image_table import COLUMNS, image_row, save_image_table, worst_first
from relook.evaluation.pairing import ImagePairs, Pair, Unpaired


def row(category_id: int = 1) -> dict[str, Any]:
    return {"category_id": category_id, "score": 0.5}


def image(
    number: int, right: int = 0, wrong: int = 0, false: int = 0, missed: int = 0, iou: float = 0.8
) -> ImagePairs:
    return ImagePairs(
        number,
        (Pair(row(), row(), iou),) * right + (Pair(row(2), row(1), 0.9),) * wrong,
        (Unpaired(row(), 0.0),) * false,
        (Unpaired(row(), 0.0),) * missed,
    )


def test_a_row_adds_up() -> None:
    cells = dict(zip(COLUMNS, image_row(image(1, 3, 1, false=4, missed=2), "a.png"), strict=True))
    assert cells.pop("f1") == 2 * 3 / (6 + 8)
    assert abs(cells.pop("mean_iou") - 0.8) < 1e-12
    assert cells == {
        "image": "a.png",
        "found": 8,
        "truth": 6,
        "count_error": 2,
        "matched": 3,
        "wrong_class": 1,
        "missed": 2,
        "false": 4,
    }


def test_the_worst_image_is_first_and_a_right_empty_one_last() -> None:
    images = [
        image(1, right=2),
        image(2),
        image(3, right=2, iou=0.7),
        image(4, missed=1),
        image(5, false=3),
        image(6, right=2, missed=1),
    ]
    assert [one.image_id for one in worst_first(images)] == [5, 4, 6, 3, 1, 2]


def test_the_file_has_every_image_and_no_formula(tmp_path: Path) -> None:
    images = [image(1, right=1), image(2, false=2)]
    save_image_table(tmp_path / "images.csv", images, {1: "a, b.png", 2: "=cmd.png"})
    with (tmp_path / "images.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == COLUMNS
    assert rows == [
        ["'=cmd.png", "2", "0", "2", "0", "0", "0", "2", "", "0.00000"],
        ["a, b.png", "1", "1", "0", "1", "0", "0", "0", "0.80000", "1.00000"],
    ]
