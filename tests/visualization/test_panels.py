"""Panels: where points, bars, lines and names stand."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from relook.visualization.panels import HEIGHT, MARGIN, WIDTH, Panel, Point, Series, drawn

SVG = "{http://www.w3.org/2000/svg}"
RISING = Series("a < b", [Point(1, 2, 1, 3), Point(3, 4, 4, 4)], 0, is_line=True)
SAME = RISING._replace(place=1)


def test_lines_have_bars_and_names_and_stay_within_the_axes() -> None:
    root = ET.fromstring(drawn([Panel([RISING, SAME], "x", "y")]))
    circles = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")]
    assert len(circles) == 4
    assert all(MARGIN < x < WIDTH - MARGIN and MARGIN < y < HEIGHT - MARGIN for x, y in circles)
    lines = list(root.iter(f"{SVG}polyline"))
    assert len(lines) == 2 and lines[0].attrib["points"].count(",") == 2
    names = [one for one in root.iter(f"{SVG}text") if one.text == "a < b"]
    assert len({one.attrib["y"] for one in names}) == 2
    bars = [p for p in root.iter(f"{SVG}path") if "stroke-width" in p.attrib]
    assert len(bars) == 2  # the second point of each has no spread
    assert len({one.attrib["d"].split(" ")[0] for one in bars}) == 2  # they do not hide each other
    assert len({one.attrib["stroke"] for one in bars}) == 2
    ends = [one.text for one in root.iter(f"{SVG}text") if one.attrib.get("text-anchor") == "end"]
    assert {"1", "2", "3", "4"} <= set(ends)  # round numbers


def test_zero_is_in_sight_where_it_is_asked_for() -> None:
    root = ET.fromstring(drawn([Panel([RISING], "x", "y", has_zero=True)]))
    (line,) = [p for p in root.iter(f"{SVG}path") if p.attrib.get("stroke") == "#d0d7de"]
    height = float(line.attrib["d"].split(" ")[1].split("H")[0])
    assert MARGIN < height < HEIGHT - MARGIN
    lowest = max(float(c.attrib["cy"]) for c in root.iter(f"{SVG}circle"))
    assert height > lowest


def test_panels_stand_beside_each_other_and_an_empty_one_says_so() -> None:
    root = ET.fromstring(drawn([Panel([RISING], "x", "y"), Panel([], "x", "y")]))
    assert root.attrib["viewBox"] == f"0 0 {2 * WIDTH} {HEIGHT}"
    moved = [group.attrib["transform"] for group in root.iter(f"{SVG}g")]
    assert moved == ["translate(0 0)", f"translate({WIDTH} 0)"]
    assert "nothing to show" in [one.text for one in root.iter(f"{SVG}text")]


def test_equal_points_have_room_around_them() -> None:
    same = Series("one", [Point(5, 5, 5, 5)], 0)
    root = ET.fromstring(drawn([Panel([same], "x", "y")]))
    (circle,) = root.iter(f"{SVG}circle")
    assert float(circle.attrib["cx"]) == pytest.approx(WIDTH / 2)
