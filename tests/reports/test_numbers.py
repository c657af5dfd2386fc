"""Numbers of an evaluation as parts of a page."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from relook.evaluation.confusion import Confusion
from relook.reports.numbers import all_numbers, headline, number_sections

from .conftest import Make


def cells(content: str) -> list[list[str]]:
    """The texts of the cells of each row, the head first."""
    rows = re.findall(r"<tr>(.*?)</tr>", content)
    return [re.findall(r"<t[hd][^>]*>([^<]*)", row) for row in rows]


def test_the_headline(make_study: Make) -> None:
    found = make_study()
    facts = {name: (value, note) for name, value, note in headline(found.metrics, 0.5)}
    assert facts["mask AP"][0] == f"{found.metrics.scores.ap:.3f}"
    # Two of four detections are right, and two of four objects found.
    assert facts["F1"] == ("0.500", "from score 0.5")
    assert facts["objects"] == ("4", "in 2 images")
    assert "F1" not in dict(fact[:2] for fact in headline(found.metrics, 0.123))


def test_sections_have_the_right_numbers(make_study: Make) -> None:
    found = make_study()
    parts = number_sections(found.metrics, 0.5, found.confusion, found.split)
    sections = {name: "".join(content) for name, content in parts}
    assert sections["Curves"].count("<svg") == 3
    classes = cells(sections["Classes"])
    assert classes[0][:3] == ["class", "objects", "detections"]
    assert {row[0]: row[1:3] for row in classes[1:]} == {"nut": ["2", "3"], "bolt": ["2", "2"]}
    errors = {row[0]: row[1] for row in cells(sections["Errors by kind"])[1:]}
    assert errors == {
        "classification": "1",
        "localisation": "0",
        "both": "0",
        "duplicate": "0",
        "background": "2",  # of all scores
        "missed": "1",
    }
    assert cells(sections["Confusion"])[:4] == [
        ["there \\ found", "nut", "bolt", "background"],
        ["nut", "1", "1", ""],
        ["bolt", "", "1", "1"],
        ["background", "1", "", ""],
    ]
    assert cells(sections["Confusion"])[5] == ["nut", "bolt", "1"]
    assert "AP50" in all_numbers(found.metrics).parts[0]


def test_many_classes_are_a_table_that_can_be_read(make_study: Make) -> None:
    found = make_study()
    many = Confusion(tuple(map(str, range(60))), np.diag(np.arange(1, 62)))
    sections = dict(number_sections(found.metrics, 0.5, many, found.split))
    rows = cells("".join(sections["Confusion"]))
    assert len(rows) == 1 + 24 + 2
    assert rows[0][-2:] == ["other classes", "background"]
    assert "taken for" not in rows[-1]  # nothing was mixed up


def test_nothing_found_is_no_division_by_zero(make_study: Make) -> None:
    found = make_study()
    empty = replace(found.split, kinds=tuple(replace(k, cost=0.0) for k in found.split.kinds))
    sections = number_sections(found.metrics, 0.5, found.confusion, empty)
    assert "nan" not in "".join("".join(one.parts) for one in sections)


def test_twins_are_said_below_the_confusion(make_study: Make) -> None:
    found = make_study()
    twins = replace(found.confusion, twins=3)
    with_twins, without = (
        "".join(dict(number_sections(found.metrics, 0.5, one, found.split))["Confusion"])
        for one in (twins, found.confusion)
    )
    assert "3 detections more on objects that were found as another class" in with_twins
    assert "--agnostic" in with_twins and "--agnostic" not in without
