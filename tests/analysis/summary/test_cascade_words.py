"""The words about a cascade leave nothing out."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from relook import preset
from relook.analysis.summary.cascade_words import about_cascade, about_detections


def test_fields_of_a_stage_are_told() -> None:
    for name in ("htc-r50", "dsc-r50"):
        cascade = preset(name).cascade
        first, *rest = cascade.stages
        for field in fields(first):
            value: Any = (0.3, 0.1, 0.2, 0.2) if field.name == "std" else 0.3
            changed = cascade.with_(stages=(replace(first, **{field.name: value}), *rest))
            assert about_cascade(changed) != about_cascade(cascade), field.name


def test_what_becomes_a_detection() -> None:
    assert about_detections(preset("cascade-r50"))[-1] == "no masks"
    assert "the mean of all stages" in about_detections(preset("htc-r50"))[-1]
    told = " ".join(about_detections(preset("dsc-tiny")))
    assert "1 class;" in told and "of iterations 2 and 3" in told and "at most 500" in told
