"""The picture: a point a row, where its numbers say, with a bar over the seeds."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from relook.ablating.plot import HEIGHT, MARGIN, WIDTH, plot
from relook.ablating.table import RowResult

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
    assert all(
        MARGIN < x < WIDTH - MARGIN and MARGIN < y < HEIGHT - MARGIN for x, y in (slow, fast)
    )
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
