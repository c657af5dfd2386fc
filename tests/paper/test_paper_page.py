"""The whole page: built once, complete, and quiet in a browser."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ..reports.test_browser import DESK, OVERFLOW, PAPER, PHONE, browser, fetched, opened

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import build, detectors_equations, dsc_equations, published, readings  # noqa: E402

__all__ = ["browser"]  # the fixture
WIDER = (
    "return [...document.querySelectorAll('.formula')]"
    ".filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
)
"""Formulas that are cut off."""
EQUATIONS = (*detectors_equations.EQUATIONS, *dsc_equations.EQUATIONS)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paper") / "paper.html"
    assert build.main(["--out", str(path)]) == 0
    return path


@pytest.mark.slow
def test_everything_is_on_the_page_and_nothing_leads_outside(page: Path) -> None:
    content = page.read_text()
    assert content.count('class="checked"') == len(EQUATIONS)
    for one in readings.READINGS:
        assert html.escape(one.switch.told()) in content
    for table in (*published.DETECTORS, *published.DSC):
        assert f"<caption>{table.caption}</caption>" in content
    links = re.findall(r' (?:href|src)="([^"]+)"', content)
    assert "url(#" in content and not re.findall(r"url\((?!#)|@import", content)
    assert links
    assert {link for link in links if not link.startswith(("#", "data:"))} == set()
    targets = {link[1:] for link in links if link.startswith("#")}
    ids = re.findall(r'id="([^"]+)"', content)
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))
    assert content.count("<script>") == 1 and ' src="http' not in content


def test_no_page_is_written_where_the_code_has_left_an_equation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(EQUATIONS[0], check=lambda: 0.5)
    monkeypatch.setattr(detectors_equations, "EQUATIONS", (wrong,))
    assert build.main(["--out", str(tmp_path / "paper.html")]) == 1
    assert f"{wrong.title}: the loops and relook differ by 0.5" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_opens_in_a_browser(browser: Any, page: Path) -> None:
    colors = {}
    for scheme, width in (("light", PHONE), ("dark", DESK)):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        fetched(browser)
        opened(browser, page, width)
        assert browser.title == "Looking twice"
        assert fetched(browser) == {page.as_uri()}
        assert browser.get_log("browser") == []
        assert browser.execute_script(OVERFLOW) == 0
        assert browser.execute_script(WIDER) == []
        colors[scheme] = browser.execute_script(PAPER)
    assert colors["light"] != colors["dark"]
    heights = browser.execute_script(
        "return [...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)"
    )
    assert len(heights) == sum(len(one.formulas) for one in EQUATIONS)
    assert min(heights) > 10
    named = browser.execute_script(
        "return [...document.querySelectorAll('svg')].every("
        "s => s.getAttribute('role') === 'img' && s.getAttribute('aria-label'))"
    )
    assert named
