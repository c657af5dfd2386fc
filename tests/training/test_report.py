"""The page about a run is complete, escaped and alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from relook.training.report import line_chart, report_page


def test_the_page_holds_everything_and_escapes_it() -> None:
    rows = [
        {"step": 1, "epoch": 0, "lr": 0.1, "seconds_per_step": 1, "loss": 3.0, "rpn.box": 1.0},
        {"step": 2, "epoch": 0, "val/mask_ap": 0.25, "val/box_ap": float("nan")},
    ]
    picture = Image.new("RGB", (8, 8))
    page = report_page("a <run>", ["plan: 1 < 2"], rows, ["AP 0.25"], [("a & b", picture)])
    for part in ("a &lt;run&gt;", "1 &lt; 2", "AP 0.25", "a &amp; b", "rpn.box", "mask AP: 0.25"):
        assert part in page
    assert "<script" not in page
    assert "box AP" not in page  # nothing but nan


@pytest.mark.parametrize("points", [[(1.0, 0.5)], [(1.0, 0.0), (2.0, 0.0)], [(0.0, -1), (5.0, 3)]])
def test_charts_are_drawn_inside_their_frame(points: list[tuple[float, float]]) -> None:
    chart = line_chart({"<x>": points}, "step")
    tree = ET.fromstring(chart)
    line = next(element for element in tree if element.tag.endswith("polyline"))
    for pair in line.attrib["points"].split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 640
        assert 0 <= y <= 220


def test_nothing_recorded_is_said() -> None:
    assert line_chart({"loss": []}, "step") == "<p>Nothing was recorded.</p>"
    assert "<svg" not in report_page("t", [], [], [], [])
