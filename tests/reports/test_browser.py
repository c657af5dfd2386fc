"""Reports in a real browser, from the disk: complete, quiet, and no wider than a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relook.data.set_statistics import data_statistics
from relook.reports.data_set import write_data_page
from relook.reports.evaluation import write_evaluation
from relook.training.report import report_page

from ..chromium import start_chromium
from .conftest import HOSTILE, Make

ROOT = Path(__file__).parents[2]
NUCLEI = ROOT / "datasets" / "nuclei"
PHONE, DESK = 390, 1200  # pixels of width


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that keeps a log of what it fetches and of what goes wrong."""
    chrome = start_chromium(tmp_path_factory.mktemp("profile"))
    yield chrome
    chrome.quit()


def opened(browser: Any, page: Path, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


def fetched(browser: Any) -> set[str]:
    """Addresses of everything that was asked for since this was last called, data apart."""
    messages = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]
    asked = [m["params"]["request"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {one["url"] for one in asked if not one["url"].startswith("data:")}


def rows_of(browser: Any, caption: str) -> dict[str, list[str]]:
    """Cells of the table with this caption, by the header of their row."""
    script = """
        const table = [...document.querySelectorAll('table')].find(
            one => one.caption.textContent.startsWith(arguments[0]));
        return [...table.tBodies[0].rows].map(row => [...row.cells].map(c => c.textContent));
    """
    return {first: rest for first, *rest in browser.execute_script(script, caption)}


PICTURES = "return [...document.images].map(one => [one.naturalWidth, one.alt])"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAPER = "return getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real evaluation: the shipped model on two images of nuclei."""
    from relook.cli.app import app

    folder = tmp_path_factory.mktemp("eval")
    annotations = NUCLEI / "annotations" / "instances_val.json"
    options = ["--limit", "2", "--size", "128", "128", "--device", "cpu", "--out", str(folder)]
    data = ["--json", str(annotations), "--images", str(NUCLEI / "images")]
    result = CliRunner().invoke(app, ["eval", "nuclei", *data, *options])
    assert result.exit_code == 0, result.output
    return folder


def test_a_real_evaluation(browser: Any, evaluated: Path) -> None:
    fetched(browser)
    opened(browser, evaluated / "report.html", PHONE)
    assert browser.title == "nuclei on instances_val"
    assert fetched(browser) == {(evaluated / "report.html").as_uri()}
    assert browser.get_log("browser") == []
    assert browser.execute_script(OVERFLOW) == 0
    pictures = browser.execute_script(PICTURES)
    assert len(pictures) >= 5
    assert all(width > 0 and alt for width, alt in pictures)
    metrics = json.loads((evaluated / "metrics.json").read_text())
    nucleus = metrics["mask"]["classes"][0]
    counts = [str(nucleus["objects"]), str(nucleus["detections"])]
    row = rows_of(browser, "Classes")["nucleus"]
    assert row[:2] == counts
    assert row[5:] == [f"{nucleus[name]:.3f}" for name in ("ap", "ap50", "ar")]
    confusion = rows_of(browser, "Confusion")
    assert sum(int(cell or 0) for cell in confusion["nucleus"]) == nucleus["objects"]
    size = (evaluated / "report.html").stat().st_size
    assert size < 8_000_000


def test_names_stay_text(browser: Any, make_study: Make, tmp_path: Path) -> None:
    found = make_study(HOSTILE, ("<script>document.title=1<&.png", "b.png"))
    write_evaluation(tmp_path / "out", HOSTILE, found)
    fetched(browser)
    opened(browser, tmp_path / "out" / "report.html", PHONE)
    assert browser.title == HOSTILE
    assert fetched(browser) == {(tmp_path / "out" / "report.html").as_uri()}
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 0
    pictures = browser.execute_script(PICTURES)
    assert len(pictures) == 2 + 3
    assert all(width > 0 for width, _ in pictures)
    assert rows_of(browser, "Confusion")[HOSTILE] == ["1", "1", ""]
    assert browser.execute_script(OVERFLOW) == 0


def test_it_follows_the_colours_of_the_system(
    browser: Any, make_study: Make, tmp_path: Path
) -> None:
    write_evaluation(tmp_path / "out", "nuts", make_study())
    colors = {}
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        opened(browser, tmp_path / "out" / "report.html", DESK)
        colors[scheme] = browser.execute_script(PAPER)
        assert browser.execute_script(OVERFLOW) == 0
    assert colors == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}


def test_a_training_of_one_record_shows_its_points_and_wraps_its_plan(
    browser: Any, tmp_path: Path
) -> None:
    rows = [{"step": 8, "epoch": 0, "loss": 2.5}, {"step": 8, "epoch": 0, "val/mask_ap": 0.25}]
    plan = ["Data", "  " + "A sentence of the plan, with a reason for it. " * 12, "  " + "x" * 300]
    (tmp_path / "report.html").write_text(report_page("t", plan, rows, None, None))
    opened(browser, tmp_path / "report.html", PHONE)
    assert browser.execute_script(OVERFLOW) == 0
    wide, room, lines = browser.execute_script(
        "const p = document.querySelector('pre');"
        "return [p.scrollWidth, p.clientWidth, p.clientHeight / parseFloat(getComputedStyle(p)"
        ".fontSize)]"
    )
    assert wide <= room and lines > 12
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('svg circle')].map(c => {"
        "const a = c.getBoundingClientRect(), b = c.closest('svg').getBoundingClientRect();"
        "return [a.width, a.left >= b.left && a.right <= b.right && a.top >= b.top]})"
    )
    assert len(boxes) == 2
    assert all(width >= 4 and inside for width, inside in boxes)


def test_a_page_about_data(browser: Any, tmp_path: Path) -> None:
    found = data_statistics(ROOT / "datasets" / "mushrooms" / "annotations" / "instances_val.json")
    write_data_page(tmp_path / "data.html", [found, replace(found, name=HOSTILE)])
    fetched(browser)
    opened(browser, tmp_path / "data.html", PHONE)
    assert fetched(browser) == {(tmp_path / "data.html").as_uri()}
    assert browser.get_log("browser") == []
    assert browser.execute_script(OVERFLOW) == 0
    row = rows_of(browser, f"{HOSTILE}: classes")["mushroom"]
    assert row[:2] == [str(found.objects), str(found.images)]
