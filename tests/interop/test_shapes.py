"""Questions to a list of names and shapes, and the errors when there is no answer."""

from __future__ import annotations

import pytest

from relook.errors import ModelError
from relook.interop.shapes import Shapes

SEEN = Shapes({"a.0.w": (3, 4), "a.1.w": (3,), "b.0.w": (1,), "b.2.w": (1,), "c": (0, 2**40)})


def test_answers() -> None:
    assert SEEN.has("a.") and not SEEN.has("d")
    assert (SEEN.size("a.0.w", 0), SEEN.size("a.0.w", 1)) == (3, 4)
    assert (SEEN.count("a"), SEEN.count("d")) == (2, 0)


def test_questions_without_an_answer() -> None:
    for name, axis, reason in [("d", 0, "no d"), ("a.1.w", 1, "not fit"), ("c", 0, "not fit")]:
        with pytest.raises(ModelError, match=reason):
            SEEN.size(name, axis)
    with pytest.raises(ModelError, match="not fit"):
        SEEN.size("c", 1)
    with pytest.raises(ModelError, match=r"b\.1 is missing"):
        SEEN.count("b")


def test_a_huge_number_is_a_gap_and_takes_no_time() -> None:
    with pytest.raises(ModelError, match=r"a\.1 is missing"):
        Shapes({"a.0.w": (1,), "a.999999.w": (1,)}).count("a")
    assert Shapes({"a.0.w": (1,), f"a.{10**30}.w": (1,)}).count("a") == 1  # left over later
