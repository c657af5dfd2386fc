"""Errors carry a family, a code and an exit code."""

from __future__ import annotations

import pickle

import pytest

from relook.errors import (
    CODES,
    DataError,
    ModelError,
    RelookError,
    UsageError,
    counted,
    did_you_mean,
    first_few,
)


@pytest.mark.parametrize(
    ("kind", "code", "exit_code"),
    [
        (RelookError, "R01", 1),
        (UsageError, "U01", 2),
        (DataError, "D01", 3),
        (ModelError, "M01", 4),
    ],
)
def test_a_message_names_family_and_code(
    kind: type[RelookError], code: str, exit_code: int
) -> None:
    error = kind(code, "what is wrong")
    assert str(error) == f"{kind.family} error {code}: what is wrong"
    assert error.exit_code == exit_code and error.code == code
    copy = pickle.loads(pickle.dumps(error))  # errors travel from data loading processes
    assert str(copy) == str(error) and type(copy) is kind


@pytest.mark.parametrize(("kind", "code"), [(DataError, "D99"), (DataError, "U01")])
def test_a_code_must_be_known_and_of_the_family(kind: type[RelookError], code: str) -> None:
    with pytest.raises(KeyError, match=code):
        kind(code, "")


def test_codes_are_described() -> None:
    assert all(text and text[0].islower() and not text.endswith(".") for text in CODES.values())


def test_a_typo_is_answered_with_the_closest_name_or_all() -> None:
    assert did_you_mean("detectros", ["detectors", "htc"]) == "did you mean 'detectors'?"
    assert did_you_mean("xyz", ["detectors", "htc"]) == "known: detectors, htc"


def test_long_lists_are_cut_and_say_so():
    assert first_few([1, 2, 3], 3) == "1, 2, 3"
    assert first_few((name for name in "abcd"), 3) == "a, b, c, ..."
    assert first_few([], 3) == ""


def test_a_noun_follows_its_number() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
