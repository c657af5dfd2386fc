"""Curves are drawn inside of their frame, with round numbers at the axes."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from relook.visualization.charts import HEIGHT, WIDTH, Axes, Curve, chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def lines(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]  # type: ignore[misc]
        for line in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


@pytest.mark.parametrize("points", [[(1.0, 0.5)], [(1.0, 0.0), (2.0, 0.0)], [(0.0, -1), (5.0, 3)]])
def test_charts_are_drawn_inside_their_frame(points: list[tuple[float, float]]) -> None:
    drawn = lines(line_chart("<t>", [Curve("<x>", points)], Axes("step")))
    assert len(drawn[0]) == len(points)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn[0])


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
    words = [word.text for word in ET.fromstring(svg).iter(f"{SVG}text")]
    assert words == ["0", "0.1", "0.2", "0.3", "0.4", "0", "50", "100", "step"]


def test_marks_are_named() -> None:
    marks = {"early": 0.1, "late": 0.9}
    svg = line_chart("t", [Curve("c", [(0, 0), (1, 1)])], Axes("x", marks=marks))
    words = {word.text: word.attrib for word in ET.fromstring(svg).iter(f"{SVG}text")}
    assert words["early"]["text-anchor"] == "start"
    assert words["late"]["text-anchor"] == "end"  # so that it stays inside


def test_a_legend_names_all_but_the_pale() -> None:
    curves = [Curve("one", [(0, 1)]), Curve("two", [(0, 2)]), Curve("rest", [(0, 3)], is_pale=True)]
    content = chart("t", curves, Axes("x"))
    assert content.count("<li>") == 2
    assert len(lines(content[content.index("<svg") : content.index("</svg>") + 6])) == 3


def test_nothing_recorded_is_said() -> None:
    for curves in ([], [Curve("c", [])], [Curve("c", [(0, math.nan)])]):
        content = chart("t", curves, Axes("x"))
        assert "Nothing was recorded." in content
        assert "<svg" not in content
