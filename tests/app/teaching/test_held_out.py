"""Images that measure, and images that are learned from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.app.teaching.held_out import FEWEST, Learned, Parts, divide
from relook.errors import DataError

NONE = Learned()
NAMES = st.sets(st.sampled_from([f"{n}.png" for n in range(20)]))


@pytest.mark.parametrize(("images", "held"), [(1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (27, 5)])
def test_a_fifth_is_held_out_from_five_on(images: int, held: int) -> None:
    names = [f"{n}.png" for n in range(images)]
    parts = divide(names, (), NONE, is_taught=False)
    assert (len(parts.learned), len(parts.held_out)) == (images - held, held)
    assert divide(reversed(names), (), NONE, is_taught=False) == parts  # not by their order


@settings(max_examples=60)
@given(NAMES, NAMES, NAMES, NAMES, st.booleans())
def test_no_image_measures_that_was_learned_from(
    chosen: set[str], done: set[str], learned: set[str], held: set[str], is_taught: bool
) -> None:
    before = Learned(sorted(learned), sorted(held - learned))
    parts = divide(chosen, done, before, is_taught=is_taught)
    assert not set(parts.learned) & set(parts.held_out)
    assert set(parts.learned) <= chosen <= {*parts.learned, *parts.held_out}
    assert set(parts.held_out) <= chosen | done
    if chosen:
        assert parts.learned
    if is_taught:
        assert not set(parts.held_out) & learned
    if len(chosen) < FEWEST:
        assert set(parts.held_out) <= done - chosen


@given(st.sets(st.sampled_from([f"{n}.png" for n in range(20)]), min_size=FEWEST), NAMES)
def test_one_that_measures_has_objects_where_any_has(chosen: set[str], empty: set[str]) -> None:
    parts = divide(chosen, (), NONE, is_taught=False, empty=empty)
    assert len(parts.held_out) == len(chosen) // 5
    assert {*parts.learned, *parts.held_out} == chosen
    assert set(parts.held_out) - empty or chosen <= empty


def test_an_image_that_was_held_out_stays_so() -> None:
    names = [f"{n}.png" for n in range(10)]
    first = divide(names, (), NONE, is_taught=False)
    before = NONE.after(first)
    more = [*names, *(f"new{n}.png" for n in range(10))]
    second = divide(more, (), before, is_taught=True)
    assert set(first.held_out) <= set(second.held_out)
    assert not set(second.held_out) & set(first.learned)
    assert len(second.held_out) == 4


def test_images_that_are_done_and_not_chosen_measure() -> None:
    parts = divide(["a"], ["a", "b", "c"], Learned(["c"], []), is_taught=True)
    assert parts == Parts(("a",), ("b",))


def test_words_say_when_there_are_too_few() -> None:
    words = Parts(("a", "b", "c"), ()).words()
    assert words.startswith("The model learns from 3 corrected images. That is too few to")
    assert Parts(("a",), ("b",)).words() == (
        "The model learns from 1 corrected image, and is measured on 1 image that it does "
        "not learn from. A score of 1 image is a rough one."
    )
    assert "rough" not in Parts(("a",), ("b", "c", "d")).words()


def test_what_was_learned_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    assert Learned.read(path) == NONE
    after = NONE.after(Parts(("a", "b"), ("c",)))
    after.write(path)
    assert Learned.read(path) == after
    assert after.after(Parts(("c",), ())).held_out == []
    path.write_text("{")
    with pytest.raises(DataError, match="D03"):
        Learned.read(path)
