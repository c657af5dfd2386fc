"""Pages escape what they are handed, and stand alone."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

from relook.visualization.page import (
    Fact,
    Section,
    figure,
    folded,
    grid,
    legend,
    listing,
    page,
    paragraph,
    subheading,
    table,
    titled,
)

SLY = "<b>\"&'</b>"
ESCAPED = "&lt;b&gt;&quot;&amp;&#x27;&lt;/b&gt;"


def test_every_text_is_escaped() -> None:
    parts = [
        paragraph(SLY),
        subheading(SLY),
        listing(SLY),
        folded(SLY),
        table(SLY, [SLY, SLY], [[SLY, SLY]]),
        legend([(SLY, "red")]),
        titled(SLY, ""),
        figure(Image.new("RGB", (2, 2)), SLY),
    ]
    content = page(SLY, SLY, [Fact(SLY, SLY, SLY)], [Section(SLY, parts)])
    assert SLY not in content
    assert content.count(ESCAPED) == 22


def test_a_page_stands_alone() -> None:
    picture = figure(Image.new("RGB", (3, 2), (200, 10, 10)), "red")
    content = page("t", "l", [], [Section("s", [picture])])
    assert "<script" not in content
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", content)
    assert "url(" not in content
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', content)
    assert found
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as image:
        assert image.size == (3, 2)
        red, green, _ = image.getpixel((1, 1))  # type: ignore[misc]
        assert red > 150 > green


def test_sections_without_parts_are_left_out() -> None:
    content = page(
        "t", "l", [], [Section("empty", []), Section("blank", [""]), Section("s", ["x"])]
    )
    assert re.findall(r"<h2[^>]*>([^<]*)", content) == ["s"]
    assert re.findall(r'href="#(\w+)"', content) == re.findall(r'<section id="(\w+)"', content)


def test_a_table_names_its_rows_and_columns() -> None:
    content = table("c", ["class", "n", "why"], [["a", "1", "so"]], texts=[2], shares=[[0.5, 0]])
    assert re.findall(r'<th scope="col"[^>]*>(\w+)', content) == ["class", "n", "why"]
    assert '<th scope="row">a</th><td style="--share:0.500">1</td>' in content
    assert '<td class="text">so</td>' in content


def test_only_long_tables_scroll_downwards() -> None:
    rows = [["a", "1"]] * 26
    assert "tall" in table("c", ["x", "y"], rows)
    assert "tall" not in table("c", ["x", "y"], rows[:25])
    assert "tall" not in table("c", ["x", "y"], rows, is_matrix=True)


def test_a_grid_of_nothing_is_nothing() -> None:
    assert grid([], "charts") == ""
    assert grid(["a", "b"], "charts") == '<div class="charts">ab</div>'
