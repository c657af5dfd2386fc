"""Tables with intervals, from resamples made by hand."""

from __future__ import annotations

import csv
import io

import numpy as np

from relook.ablation.dials import Group
from relook.ablation.interval_table import compared, interval_csv, interval_sections
from relook.ablation.table import RowResult
from relook.evaluation.statistics.bootstrap import MEASURES
from relook.evaluation.statistics.weighted_precision import Resampled

LOW = Group("overlap", 0.0, 0.25, (1, 2, 3))
HIGH = Group("overlap", 0.26, 0.6, (4, 5))
GROUPS = [LOW, HIGH]


def _resampled(ap: float, gains: tuple[float, float], kinds: tuple[str, ...]) -> Resampled:
    noise = np.linspace(-0.02, 0.02, 101)
    noise = np.concatenate([[0.0], noise])
    measures = dict.fromkeys(MEASURES, ap + noise)
    measures["ap_large"] = np.full(102, np.nan)
    measures |= {LOW.name: ap + gains[0] + noise, HIGH.name: ap + gains[1] + noise}
    return dict.fromkeys(kinds, measures)


def _row(name: str, ap: float, gains: tuple[float, float] = (0, 0), *, mask: bool = True,
         seeds: int = 2) -> RowResult:  # fmt: skip
    kinds = ("box", "mask") if mask else ("box",)
    return RowResult(name, "htc-tiny", 1, 1, 0.1, [], (), [_resampled(ap, gains, kinds)] * seeds)


def _lines(sections: list[str], heading: str, start: str) -> list[list[str]]:
    text = sections[sections.index(heading) + 1]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(f"| {start}")
    ]


def test_numbers_and_gains_stand_with_their_intervals() -> None:
    sections = interval_sections([_row("htc", 0.3), _row("both", 0.35, (0.01, 0.04))], GROUPS)
    (own,) = _lines(sections, "## Masks, with intervals", "htc")
    assert own[:3] == ["htc", "2", "30.0 [28.1, 31.9]"] and own[-2] == "-"
    (above,) = _lines(sections, "## Boxes, gains", "both")
    assert above[1:3] == ["htc", "+5.0 [+5.0, +5.0]"] and above[-2] == "-"
    heading = "## Masks, by overlap (IoU of boxes)"
    (images,) = _lines(sections, heading, "images")
    assert images == ["images", "3", "2"]
    (first,) = _lines(sections, heading, "htc, AP")
    assert first[1] == "30.0 [28.1, 31.9]"
    (gains,) = _lines(sections, heading, "both over htc")
    assert gains[1:] == ["+6.0 [+6.0, +6.0]", "+9.0 [+9.0, +9.0]"]
    assert "0.2 (IoU)" in sections[-1]
    assert not any("by largest" in one for one in sections)


def test_boxes_alone_are_cut_by_dial_where_there_are_no_masks() -> None:
    sections = interval_sections([_row("a", 0.3, mask=False), _row("b", 0.2, mask=False)], GROUPS)
    assert "## Boxes, by overlap (IoU of boxes)" in sections
    assert not any(one.startswith("## Masks") for one in sections)


def test_rows_without_resamples_have_no_intervals() -> None:
    lost = _row("htc", 0.3, seeds=0)
    assert interval_sections([lost], GROUPS) == []
    sections = interval_sections([_row("htc", 0.3), _row("lost", 0.1, seeds=0)], [])
    assert _lines(sections, "## Masks, gains", "lost") == [["lost", "htc", *["-"] * 7]]


def test_rows_that_differ_in_one_thing_are_compared_with_each_other_too() -> None:
    rows = [_row("htc", 0.3), _row("+rfp", 0.34), _row("htc+ws", 0.33)]
    assert [(a.name, b.name) for a, b in compared(rows)] == [
        ("+rfp", "htc"), ("htc+ws", "htc"), ("+rfp", "htc+ws"),
    ]  # fmt: skip
    lines = _lines(interval_sections(rows, GROUPS), "## Masks, gains", "+rfp")
    assert [line[1:3] for line in lines] == [
        ["htc", "+4.0 [+4.0, +4.0]"], ["htc+ws", "+1.0 [+1.0, +1.0]"],
    ]  # fmt: skip
    first = [_row("htc+ws", 0.33), _row("+rfp", 0.34)]
    assert len(compared(first)) == 1


def test_csv_has_a_line_for_each_number() -> None:
    rows = [_row("htc", 0.3), _row("both", 0.35)]
    found = {
        (one["row"], one["kind"], one["number"]): one
        for one in csv.DictReader(io.StringIO(interval_csv(rows, GROUPS)))
    }
    assert interval_csv([_row("+sac", 0.3)], []).splitlines()[1].startswith("'+sac,box,ap,30.0000,")
    assert len(found) == 2 * 2 * (len(MEASURES) + len(GROUPS))
    one = found["both", "mask", LOW.name]
    assert [float(one[name]) for name in ("value", "gain", "gain_low")] == [35, 5, 5]
    assert found["htc", "box", "ap"]["gain"] == ""
    assert found["both", "box", "ap_large"]["value"] == ""
