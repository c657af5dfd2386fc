"""What is derived from the rules of shape guidance, and what does not fit together."""

from __future__ import annotations

import pytest

from relook.structures.rules.guidance import GuidanceRule, RowRule


def test_ratios_are_derived_from_the_number_of_iterations_and_the_alignment() -> None:
    assert GuidanceRule().ratios(3) == (2.0, 1.59, 1.26)
    assert GuidanceRule().ratios(2) == (2.0, 1.41)
    assert GuidanceRule().ratios(1) == (2.0,)
    assert GuidanceRule(alignment="none").ratios(3) == (1.0, 1.0, 1.0)
    assert GuidanceRule(alignment="recompute").ratios(2) == (1.0, 1.0)
    assert GuidanceRule(enlarge_ratios=(1.5, 1.2, 1.1)).ratios(3) == (1.5, 1.2, 1.1)
    ones = (1.0, 1.0, 1.0)
    assert GuidanceRule(alignment="none", enlarge_ratios=ones).ratios(3) == ones


def test_the_last_two_iterations_score() -> None:
    assert RowRule().scoring(3) == (1, 2)
    assert RowRule().scoring(2) == (0, 1)
    assert RowRule().scoring(1) == (0,)
    assert RowRule(score_stages=(0, 2)).scoring(3) == (0, 2)


def test_fields_that_do_not_fit_together_are_refused_wherever_a_rule_is_made() -> None:
    with pytest.raises(ValueError, match="clip_into_previous needs clip_to_image"):
        GuidanceRule(clip_into_previous=True)
    with pytest.raises(ValueError, match="alignment none needs enlarge_ratios of 1"):
        GuidanceRule(alignment="none", enlarge_ratios=(2.0, 1.0))
