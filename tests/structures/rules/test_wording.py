"""How numbers and choices are spelled."""

from __future__ import annotations

from relook.structures.rules.wording import numbers, on_off, stages_of


def test_lists() -> None:
    assert numbers([1]) == "1"
    assert numbers([0.5, 2]) == "0.5 and 2"
    assert numbers([1, 2.0, 3]) == "1, 2 and 3"
    assert stages_of([False, True, True, True]) == "stages 2, 3 and 4"
    assert stages_of([True, False, False, False]) == "stage 1"
    assert stages_of([False] * 4) == "no stage"
    assert [on_off(True), on_off(False)] == ["yes", "no"]
