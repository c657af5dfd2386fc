"""Rules of norms, in words."""

from __future__ import annotations

from relook.structures.rules.norms import NO_NORM, NormRule


def test_words() -> None:
    assert NO_NORM.words() == "no norm"
    assert NormRule("group", 8).words() == "group norm of 8 groups, variance plus 1e-05"
    assert NormRule("group").words() == "group norm of up to 32 groups, variance plus 1e-05"
    assert NormRule("fixed_batch", eps=0).words().endswith("stored statistics, variance plus 0")
