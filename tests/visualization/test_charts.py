"""Charts: where points, bars, lines, names and round numbers stand."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from relook.visualization.charts import (
    PAGE,
    SHEET,
    Axes,
    Axis,
    Curve,
    Panel,
    chart,
    line_chart,
    log_ticks,
    panels,
)
from relook.visualization.svg import COLORS, width_of

SVG = "{http://www.w3.org/2000/svg}"
RISING = Curve("a < b", [(1, 2, 1, 3), (3, 4)], look="dots")
LONG = "a model with every switch turned on, and trained for thrice as long as all the others"


def lines(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]  # type: ignore[misc]
        for line in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


def dots(svg: str) -> list[tuple[float, float]]:
    circles = ET.fromstring(svg).iter(f"{SVG}circle")
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in circles]


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def is_inside(text: ET.Element) -> bool:
    """Whether a word ends within the axes' panel on either side."""
    x, wide = float(text.attrib["x"]), width_of(text.text or "")
    start = x - {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]] * wide
    return start >= 0 and start + wide <= SHEET.width


@pytest.mark.parametrize("points", [[(1.0, 0.0), (2.0, 0.0)], [(0.0, -1), (5.0, 3)]])
def test_charts_are_drawn_inside_their_frame(points: list[tuple[float, float]]) -> None:
    drawn = lines(line_chart("<t>", [Curve("<x>", points)], Axes("step")))
    assert len(drawn[0]) == len(points)
    assert all(0 <= x <= PAGE.width and 0 <= y <= PAGE.height for x, y in drawn[0])


def test_one_point_is_shown_and_named() -> None:
    alone = Curve("<x>", [(450.0, 0.5), (500.0, math.nan)])
    svg = line_chart("t", [alone, Curve("y", [(450.0, 0.25)])], Axes("step"))
    (x, top), (other, half) = dots(svg)
    assert x == other == pytest.approx((PAGE.left + PAGE.width - PAGE.right) / 2)
    assert PAGE.top <= top < half < PAGE.height - PAGE.bottom
    assert "450" in words(svg)
    assert [c[0].text for c in ET.fromstring(svg).iter(f"{SVG}circle")] == ["<x>", "y"]
    assert lines(svg) == []


def test_points_stand_where_their_values_are() -> None:
    curve = Curve("c", [(0, 0), (0.5, 1), (1, 0.5)])
    (left, bottom), (middle, top), (right, half) = lines(
        line_chart("t", [curve], Axes("x", (0, 1), (0, 1)))
    )[0]
    assert middle == pytest.approx((left + right) / 2, abs=0.1)
    assert half == pytest.approx((top + bottom) / 2, abs=0.1)
    assert top < bottom


def test_points_that_are_no_numbers_are_left_out() -> None:
    curve = Curve("c", [(0, math.nan), (1, 1), (2, math.inf), (3, 2)])
    assert len(lines(line_chart("t", [curve], Axes("x")))[0]) == 2


def test_axes_have_round_numbers() -> None:
    svg = line_chart("t", [Curve("c", [(0, 0), (137, 0.43)])], Axes("step"))
    assert words(svg) == ["0", "0.1", "0.2", "0.3", "0.4", "0", "50", "100", "step"]


def test_marks_are_named() -> None:
    marks = {"early": 0.1, "late": 0.9}
    svg = line_chart("t", [Curve("c", [(0, 0), (1, 1)])], Axes("x", marks=marks))
    named = {word.text: word.attrib for word in ET.fromstring(svg).iter(f"{SVG}text")}
    assert named["early"]["text-anchor"] == "start"
    assert named["late"]["text-anchor"] == "end"  # so that it stays inside


def test_a_legend_names_all_but_the_pale() -> None:
    points = [(0, 1), (1, 2)]
    curves = [Curve("one", points), Curve("two", points), Curve("rest", points, is_pale=True)]
    content = chart("t", curves, Axes("x"))
    assert content.count("<li>") == 2
    assert len(lines(content[content.index("<svg") : content.index("</svg>") + 6])) == 3


def test_nothing_recorded_is_said() -> None:
    for curves in ([], [Curve("c", [])], [Curve("c", [(0, math.nan)])]):
        content = chart("t", curves, Axes("x"))
        assert "Nothing was recorded." in content
        assert "<svg" not in content


def test_lines_have_bars_and_names_and_stay_within_the_axes() -> None:
    svg = panels("t", [Panel([RISING, RISING._replace(place=1)], Axes("x", has_zero=False))])
    root = ET.fromstring(svg)
    assert len(dots(svg)) == 4
    floor, wall = SHEET.height - SHEET.bottom, SHEET.width - SHEET.right
    assert all(SHEET.left < x < wall and SHEET.top < y < floor for x, y in dots(svg))
    assert [len(line) for line in lines(svg)] == [2, 2]
    names = [one for one in root.iter(f"{SVG}text") if one.text == "a < b"]
    assert len({(one.attrib["x"], one.attrib["y"]) for one in names}) == 2
    bars = [p for p in root.iter(f"{SVG}path") if p.attrib.get("stroke-width") == "1.5"]
    assert len(bars) == 2  # the second point of each has no spread
    assert len({one.attrib["d"].split(" ")[0] for one in bars}) == 2  # they do not hide each other
    assert {one.attrib["stroke"] for one in bars} == set(COLORS[:2])
    ends = [one.text for one in root.iter(f"{SVG}text") if one.attrib["text-anchor"] == "end"]
    assert {"1", "2", "3", "4"} <= set(ends)  # round numbers


def test_zero_is_in_sight_where_it_is_asked_for() -> None:
    (_, low), _ = dots(panels("t", [Panel([RISING], Axes("x", has_zero=False))]))
    svg = panels("t", [Panel([RISING], Axes("x"))])
    (line,) = [
        p
        for p in ET.fromstring(svg).iter(f"{SVG}path")
        if p.attrib["stroke"] == "#57606a" and p.attrib["d"].endswith(f"H{SHEET.width - 24}")
    ]
    height = float(line.attrib["d"].split(" ")[1].split("H")[0])
    assert SHEET.top < height < SHEET.height - SHEET.bottom
    (_, lowest), _ = dots(svg)
    assert low > lowest and height > lowest  # room was made below


def test_panels_stand_beside_each_other_and_an_empty_one_says_so() -> None:
    root = ET.fromstring(svg := panels("t", [Panel([RISING], Axes("x")), Panel([], Axes("x"))]))
    width, height = map(int, root.attrib["viewBox"].split()[2:])
    assert width == 2 * SHEET.width and height > SHEET.height  # the names are below
    moved = [group.attrib["transform"] for group in root.iter(f"{SVG}g")]
    assert moved == ["translate(0 0)", f"translate({SHEET.width} 0)"]
    assert words(svg).count("nothing to show") == 1
    assert root.attrib["aria-label"] == "t"


def test_equal_points_stand_in_the_middle() -> None:
    same = Curve("one", [(5, 5)], look="names")
    ((x, _),) = dots(panels("t", [Panel([same], Axes("x"))]))
    assert x == pytest.approx((SHEET.left + SHEET.width - SHEET.right) / 2)


def test_long_names_stay_in_the_picture_and_are_whole_under_the_pointer() -> None:
    for look in ("names", "dots"):
        curves = [Curve(LONG, [(x, x)], look=look) for x in (1.0, 2.0, 3.0)]  # type: ignore[arg-type]
        axes = Axes(LONG, up=LONG, marks={LONG: 2.0})
        texts = list(ET.fromstring(panels("t", [Panel(curves, axes)])).iter(f"{SVG}text"))
        cut = [text for text in texts if (text.text or "").endswith("…")]
        assert len(cut) == 6 and {text[0].text for text in cut} == {LONG}
        assert all(is_inside(text) for text in texts)


def test_numbers_at_an_axis_neither_leave_the_picture_nor_hide_each_other() -> None:
    curve = Curve("c", [(10_000_000, 0.0), (70_000_000, 0.00012345)])
    texts = list(ET.fromstring(panels("t", [Panel([curve], Axes("x"))])).iter(f"{SVG}text"))
    assert all(is_inside(text) for text in texts)
    across = [one for one in texts if one.attrib["text-anchor"] == "middle" and one.text != "x"]
    for before, after in pairwise(across):
        widths = width_of(before.text or "") / 2 + width_of(after.text or "") / 2
        assert float(after.attrib["x"]) - float(before.attrib["x"]) >= widths
    assert "20,000,000" in [one.text for one in across]


def test_logarithmic_axes_have_equal_steps_for_equal_factors() -> None:
    growing = Curve("c", [(1, 0.1), (10, 1), (100, 10), (0, 5), (5, -1)])
    svg = panels("t", [Panel([growing], Axes("x", is_log=True))])
    (points,) = lines(svg)
    assert len(points) == 3  # what has no logarithm is left out
    (a, low), (b, middle), (c, high) = points
    assert b - a == pytest.approx(c - b, abs=0.11) and b > a
    assert low - middle == pytest.approx(middle - high, abs=0.11) and low > middle
    assert {"0.1", "1", "10", "100"} <= set(words(svg))


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 3, [1, 10, 100, 1000]),
        (0, 1, [1, 2, 5, 10]),
        (math.log10(2), math.log10(4), [2, 2.5, 3, 3.5, 4]),
        (-2, -2, [0.01]),
        (0, 9, [1, 100, 1e4, 1e6, 1e8]),
    ],
)
def test_logarithmic_ticks_are_round_and_few(low: float, high: float, found: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(found)


def test_an_axis_shows_the_nearest_end_of_what_is_outside() -> None:
    axis = Axis.of([2.0, 4.0], 0.0, 10.0, 30.0, is_log=False)
    assert [axis.at(value) for value in (0, 2, 3, 4, 9)] == [10, 10, 20, 30, 30]
