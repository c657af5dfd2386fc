"""Colours and words of pictures."""

from __future__ import annotations

from relook.visualization.page import page
from relook.visualization.svg import COLORS, INK, SOFT, fitted, paint, width_of, word


def test_colours_are_those_of_the_page_and_of_viewers_without_variables() -> None:
    style = page("t", "l", [], [])
    for number, plain in enumerate(COLORS):
        assert f"--s{number}:{plain};" in style
    for shade, name in ((INK, "ink"), (SOFT, "soft")):
        assert f"--{name}:{shade.partition(',')[2][:-1]};" in style
    assert paint(fill="none", stroke=SOFT) == (
        'fill="none" stroke="#57606a" style="stroke:var(--soft,#57606a)"'
    )


def test_words_are_cut_only_where_they_have_no_room() -> None:
    assert fitted("short", 100) == "short"
    assert fitted("much too long", 50).endswith("…")
    assert width_of(fitted("much too long", 50)) <= 50
    assert width_of("細胞") > width_of("WW") > width_of("ww")
    assert word(1, 2, "<b>").endswith(">&lt;b&gt;</text>")
