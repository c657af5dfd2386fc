"""Classes matched by name."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.training.start.classes import CommonClasses

NAMES = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu"]
some_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True)


def _classes(names: list[str]) -> list[Category]:
    return [Category(10 + i, name) for i, name in enumerate(names)]


@given(some_names, some_names, st.booleans())
def test_every_row_follows_its_name(before: list[str], now: list[str], background: bool) -> None:
    rows = torch.tensor([NAMES.index(n) for n in before] + [99] * background)[:, None].float()
    fresh = torch.full((len(now) + background, 1), -1.0)
    mixed = CommonClasses.of(_classes(before), _classes(now)).carried_over(rows, fresh)
    mean = sum(map(NAMES.index, before)) / len(before)  # what a new class starts from
    expected = [NAMES.index(n) if n in before else mean for n in now] + [99] * background
    assert mixed.flatten().tolist() == pytest.approx(expected)
    assert (fresh == -1).all()


@given(some_names, some_names)
def test_nothing_happens_to_a_class_unsaid(before: list[str], now: list[str]) -> None:
    common = CommonClasses.of(_classes(before), _classes(now))
    text = "\n".join(common.lines())
    assert common.unchanged == (before == now)
    if set(before) == set(now):
        assert f"the {len(now)} of the file" in text and ("another order" in text) == (
            before != now
        )
    else:
        kept, new, gone = (
            [n for n in now if n in before],
            [n for n in now if n not in before],
            [n for n in before if n not in now],
        )
        for names in (kept, new, gone):
            assert not names or f"{len(names)} ({', '.join(names[:5])}" in text


def test_two_classes_of_one_name_are_told_apart_by_their_id() -> None:
    before = [Category(1, "cell"), Category(2, "cell"), Category(3, "rod")]
    now = [Category(3, "rod"), Category(2, "cell"), Category(4, "cell")]
    assert CommonClasses.of(before, now).source == (2, 1, -1)
    renumbered = [Category(9, "rod")]
    assert CommonClasses.of(before, renumbered).source == (2,)


def test_tensors_of_another_make_are_left_to_the_caller_and_unknown_rows_start_anew() -> None:
    common = CommonClasses.of(_classes(["ant", "bee"]), _classes(["bee", "ant"]))
    wider, fresh = torch.ones(3, 8), torch.zeros(3, 4)
    assert common.carried_over(wider, fresh) is wider
    per_class_boxes, fresh = torch.ones(8, 4), torch.zeros(8, 4)
    boxes = torch.arange(8.0)[:, None]  # four for each of two classes, in the other order
    moved = common.carried_over(boxes, torch.zeros(8, 1))
    assert moved.flatten().tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    same = CommonClasses.of(_classes(["ant", "bee"]), _classes(["ant", "bee"]))
    assert same.carried_over(per_class_boxes, fresh) is per_class_boxes


def test_a_class_of_another_name_keeps_the_rows_that_are_said() -> None:
    names = {"cell": "bee", "blob": "bee"}
    common = CommonClasses.of(_classes(["ant", "bee"]), _classes(["cell", "ant", "blob"]), names)
    assert common.source == (1, 0, 1)
    (line,) = common.lines()
    assert "kept for 3 (cell, which is bee there, ant, blob, which is bee there)" in line


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"dog": "bee"}, r"U01.*--map dog=bee: the data has no class 'dog'. It has: cell"),
        ({"cell": "dog"}, r"U01.*--map cell=dog: the model has no class 'dog'. It has: ant, bee"),
    ],
)
def test_names_that_are_not_there_are_refused(names: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        CommonClasses.of(_classes(["ant", "bee"]), _classes(["cell"]), names)


def test_no_common_name_is_said_to_keep_nothing_of_the_heads() -> None:
    lines = CommonClasses.of(_classes(["ant"]), _classes(["cell", "blob"])).lines()
    assert "nothing is kept of the outputs for classes" in lines[0]
    assert "--map cell=ant" in lines[0]
    assert "the 2 new ones are equal at the start" in lines[1] and "--agnostic" in lines[1]
