"""The picture: a point a row, where its numbers say, with a bar over the seeds."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from relook.ablation.dials import Group
from relook.ablation.plot import accuracy_over_time as plot
from relook.ablation.plot import gains_over_dials, learning_curves
from relook.ablation.table import RowResult
from relook.training.run_folder import RunFolder
from relook.visualization.charts import SHEET

SVG = "{http://www.w3.org/2000/svg}"


def _row(name: str, seconds: float | None, *aps: float, mask: bool = True) -> RowResult:
    seeds = [{"metrics": {"box": {"ap": ap}, "mask": {"ap": ap} if mask else None}} for ap in aps]
    return RowResult(name, "htc-tiny", 1, 1, seconds, seeds)


def _circles(svg: str) -> list[tuple[float, float]]:
    return [
        (float(c.attrib["cx"]), float(c.attrib["cy"]))
        for c in ET.fromstring(svg).iter(f"{SVG}circle")
    ]


def _words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_points_are_where_their_numbers_say() -> None:
    svg = plot([_row("a & b", 0.1, 0.2, 0.4), _row("fast", 0.05, 0.1), _row("half", 0.075, 0.2)])
    slow, fast, half = _circles(svg)
    assert slow[0] > half[0] > fast[0] and slow[1] < half[1] < fast[1]  # up is less in an SVG
    assert half[0] == pytest.approx((slow[0] + fast[0]) / 2, abs=0.11)
    floor, wall = SHEET.height - SHEET.bottom, SHEET.width - SHEET.right
    assert all(SHEET.left < x < wall and SHEET.top < y < floor for x, y in (slow, fast))
    bar = next(p for p in ET.fromstring(svg).iter(f"{SVG}path") if "stroke-width" in p.attrib)
    low, high = (float(v) for v in bar.attrib["d"].split(" ")[1].split("V"))
    assert (low + high) / 2 == pytest.approx(slow[1], abs=0.11) and low - high > 50
    assert {"a & b", "fast", "mask AP"} <= set(_words(svg))


def test_rows_without_a_time_or_an_ap_are_left_out() -> None:
    svg = plot(
        [
            _row("one", 0.1, 0.3, mask=False),
            _row("untimed", None, 0.2, mask=False),
            _row("lost", 0.2),
        ]
    )
    assert len(_circles(svg)) == 1 and "box AP" in _words(svg)
    assert "nothing to show" in _words(plot([_row("lost", 0.2)]))


def test_gains_rise_where_they_do() -> None:
    groups = [
        Group("size_ratio", 1.0, 2.0, (1,)),
        Group("size_ratio", 2.0, 4.0, (2,)),
        Group("overlap", 0.0, 0.3, (1,)),
        Group("overlap", 0.3, 0.6, (2,)),
    ]
    rows = []
    for name, gain in (("htc", 0.0), ("both", 0.1)):
        values = {g.name: np.full(5, 0.3 + gain * g.middle) for g in groups}
        row = RowResult(
            name, "htc-tiny", 1, 1, 0.1, [], (), [{"mask": {"ap": np.ones(5), **values}}]
        )
        rows.append(row)
    svg = gains_over_dials(rows, groups)
    words = _words(svg)
    assert words.count("both") == 2 and "htc" not in words  # a panel each; the first is zero
    assert words.count("mask AP over htc") == 2
    for panel in ET.fromstring(svg).iter(f"{SVG}g"):
        heights = [float(c.attrib["cy"]) for c in panel.iter(f"{SVG}circle")]
        assert len(heights) == 2 and heights[0] > heights[1]


def test_learning_curves_are_means_of_what_was_recorded(tmp_path: Path) -> None:
    folders = []
    for seed, shift in enumerate((-0.5, 0.5)):
        run = RunFolder(tmp_path / str(seed))
        run.path.mkdir()
        lines = [{"step": 10 * n, "loss": 8 - n + shift} for n in range(1, 5)]
        lines += [{"step": 40, "box_ap": 0.2}, {"step": 50, "loss": None}]
        cut_off = '\n{"step": 60, "lo'  # by a crash
        run.metrics.write_text("\n".join(map(json.dumps, lines)) + cut_off)
        folders.append(run)
    svg = learning_curves({"htc": folders, "lost": [RunFolder(tmp_path / "nowhere")]})
    circles = _circles(svg)
    assert len(circles) == 4
    steps = np.diff([x for x, _ in circles])
    assert steps.tolist() == pytest.approx([steps[0]] * 3, abs=0.11)  # they were recorded evenly
    assert [y for _, y in circles] == sorted(y for _, y in circles)  # the loss falls
