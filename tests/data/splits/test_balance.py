"""What is said about a split."""

from __future__ import annotations

from collections.abc import Callable

from relook.data.coco.records import CocoIndex
from relook.data.splits.balance import balance_lines

MakeIndex = Callable[..., CocoIndex]
SHARES = {"train": 0.8, "val": 0.2}


def test_numbers_of_each_part(make_index: MakeIndex) -> None:
    index = make_index([[0] * 5] * 10)
    part = ["train"] * 8 + ["val"] * 2
    assert balance_lines(index, part, SHARES, 1) == [
        "train: 8 images (80%), 40 objects",
        "val: 2 images (20%), 10 objects",
    ]


def test_what_is_not_balanced(make_index: MakeIndex) -> None:
    index = make_index([[0] * 5 + [2]] * 9 + [[0] * 5 + [1] * 30])
    part = ["val"] * 6 + ["train"] * 4
    assert balance_lines(index, part, SHARES, 6)[2:] == [
        "not balanced: train has 40% of the images instead of 80%, since up to 6 images stay "
        "together",
        "not balanced: val has 60% of the images instead of 20%, since up to 6 images stay "
        "together",
        "not balanced: of 1 class, train has far from 80% of the objects: c 33%",
        "not balanced: val has no object of 1 of 3 classes: b (30 in all)",
        "not balanced: of 1 class, val has far from 20% of the objects: a 60%",
    ]
