"""The page by fingers on a phone, and as a screen reader is given it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .page_driver import Page, Served, middle
from .page_fixtures import FIRST, SECOND
from .page_fixtures import chrome as chrome
from .page_fixtures import page as page
from .page_fixtures import served as served

WITHOUT_NAME = {"RootWebArea", "StaticText", "InlineTextBox", "LineBreak", "ListMarker"}
USED = {
    "button", "checkbox", "combobox", "dialog", "grid", "gridcell", "link", "listbox", "option",
    "progressbar", "radio", "slider", "tab", "tabpanel", "textbox", "toolbar", "img",
    "image", "application", "alertdialog", "columnheader",
}  # fmt: skip
"""Roles of what is used, and of what stands for something that cannot be seen."""
SCALE = "return relook.toScreen(1, 0)[0] - relook.toScreen(0, 0)[0]"
PLACE = "return relook.toScreen(0, 0)"


def nameless(page: Page) -> list[dict[str, Any]]:
    """What a screen reader would call by its role only, or what has the focus and no role."""
    return [
        node
        for node in page.read_aloud()
        if node["role"] not in WITHOUT_NAME
        and (
            (node["role"] in USED and not node["name"])
            or (node["role"] == "row" and "selected" in node["traits"] and not node["name"])
            or (node["focusable"] and (node["role"] in ("generic", "none") or not node["name"]))
        )
    ]


def named(page: Page, role: str) -> list[str]:
    return [node["name"] for node in page.read_aloud() if node["role"] == role]


def test_one_finger_moves_and_two_zoom(page: Page, served: Served) -> None:
    page.size(390, 844)
    page.open(served.url, FIRST)
    scale, (x, y) = page.js(SCALE), page.js(PLACE)
    page.touch([(180.0, 200.0), (200.0, 215.0), (240.0, 230.0)])
    assert page.js(SCALE) == pytest.approx(scale)
    moved_x, moved_y = page.js(PLACE)
    assert (moved_x - x, moved_y - y) == (pytest.approx(60, abs=1), pytest.approx(30, abs=1))
    assert page.js("return relook.state.selection.size") == 0  # a drag is no tap

    page.touch(
        [(150.0, 200.0), (130.0, 200.0), (100.0, 200.0)],
        [(210.0, 200.0), (240.0, 200.0), (280.0, 200.0)],
    )
    assert page.js(SCALE) == pytest.approx(3 * scale, rel=0.1)  # 60 pixels became 180
    page.touch(
        [(100.0, 200.0), (130.0, 200.0), (150.0, 200.0)],
        [(280.0, 200.0), (240.0, 200.0), (210.0, 200.0)],
    )
    assert page.js(SCALE) == pytest.approx(scale, rel=0.1)
    assert page.js("return window.visualViewport.scale") == 1  # the page itself does not zoom
    page.js("document.getElementById('stage').focus()")
    page.keys("0")
    largest = max(page.objects(), key=lambda thing: thing["area"])
    page.touch([tuple(page.js("return relook.toScreen(...arguments)", *middle(largest)))])
    assert page.js("return [...relook.state.selection]") == [largest["id"]]
    assert page.problems() == []


def test_after_two_fingers_the_one_that_is_left_moves(page: Page, served: Served) -> None:
    page.size(390, 844)
    page.open(served.url, FIRST)
    page.touch(
        [(150.0, 200.0), (150.0, 200.0)],
        [(210.0, 200.0), (210.0, 200.0), (210.0, 200.0), (210.0, 240.0), (210.0, 260.0)],
    )
    page.js("document.getElementById('stage').focus()")
    x, y = page.js(PLACE)
    page.keys("0")
    whole_x, whole_y = page.js(PLACE)
    assert (x - whole_x, y - whole_y) == (pytest.approx(0, abs=1), pytest.approx(60, abs=1))


def test_everything_that_is_used_has_a_role_and_a_name(page: Page, served: Served) -> None:
    page.open(served.url, SECOND)
    page.js("document.getElementById('looks').open = true")
    page.keys("j")
    assert nameless(page) == []
    assert {"Images", "Objects of this image"} <= {*named(page, "listbox"), *named(page, "grid")}
    tools = named(page, "button")
    assert {"Select", "Polygon", "Delete", "Undo", "Zoom in", "Whole image"} <= set(tools)
    assert len(named(page, "row")) > 5
    assert SECOND in next(name for name in named(page, "option") if SECOND in name)
    stage = page.js("return document.getElementById('stage').ariaLabel")
    assert f"{SECOND}, 256 by 256 pixels, " in stage
    for key, title in (("?", "Help"), ("g", "Download"), ("C", "New class"), ("E", "Edit classes")):
        page.keys(key.lower(), shift=key.isupper())
        page.until("return document.querySelector('dialog[open]')")
        assert nameless(page) == []
        assert named(page, "dialog") == [title]
        page.keys(page.key.ESCAPE)
        page.until("return !document.querySelector('dialog[open]')")
    page.js(
        "relook.state.document.candidates = [{...arguments[0], id: 'c900', score: 0.2}]",
        page.objects()[0] | {"box": [2, 2, 22, 22], "shape": [[[[2, 2], [22, 2], [22, 22]]]]},
    )
    page.keys("q")
    assert "Below the threshold" in named(page, "dialog")
    assert nameless(page) == []
    page.keys(page.key.ESCAPE)
    assert page.problems() == []


@pytest.fixture
def empty(served: Served, tmp_path: Path) -> Iterator[Served]:
    """A server without images."""
    server = Served(tmp_path, served.shelf, served.paths, is_empty=True)
    server.start()
    yield server
    server.stop()


def test_the_empty_page_says_how_to_begin(page: Page, empty: Served) -> None:
    page.chrome.get(empty.url)
    page.until("return document.getElementById('empty-title')?.innerText === 'Begin with an image'")
    assert nameless(page) == []
    assert {"Choose images", "Add", "Help"} <= set(named(page, "button"))


PICTURE = "/api/teach/pictures/0.png"
SCORES = {"images": 2, "objects": 9, "mask_ap": 0.5, "mask_ap50": 0.75, "f1": 0.5}
RUNNING = {
    "state": "training", "step": 3, "steps": 20, "seconds_left": 40.0, "message": "Learns.",
    "losses": [[1, 2.0], [2, 1.5], [3, 1.0]], "pictures": [PICTURE], "model": None,
    "before": SCORES, "after": None,
}  # fmt: skip
DONE = RUNNING | {"state": "done", "after": SCORES, "pictures": [PICTURE] * 2, "model": "nuclei"}
ANSWER = """
const ask = window.fetch, answer = %s;
window.fetch = (to, how) => to === "/api/teach" && !how?.method
  ? Promise.resolve(Response.json(answer)) : ask(to, how);
"""


@pytest.mark.parametrize("answer", [RUNNING, DONE, RUNNING | {"state": "failed", "losses": []}])
def test_the_panel_that_teaches_is_read_too(
    page: Page, served: Served, answer: dict[str, Any]
) -> None:
    """While it learns, with a new model and its scores, and after a failure."""
    source = {"source": ANSWER % json.dumps(answer)}
    script = page.chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
    try:
        page.open(served.url, SECOND)
        page.keys("t")
        page.until("return document.querySelector('#panel-teach .teach')")
        assert nameless(page) == []
        assert named(page, "tabpanel") == ["Teach"] or named(page, "tabpanel")[0].startswith(
            "Teach"
        )
        if answer is RUNNING:
            assert named(page, "progressbar") == ["Progress of teaching"]
            assert "Stop" in named(page, "button")
        if answer is DONE:
            assert "New model: nuclei" in page.words("#panel-teach")
    finally:
        page.chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
