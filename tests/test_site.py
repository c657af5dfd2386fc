"""The site of docs/: it builds, and `scripts/check_site.py` finds what must not be in one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import check_site  # noqa: E402


def site_of(folder: Path, body: str, style: str = "") -> Path:
    """A site of two pages and a style; the first page has `body`."""
    (folder / "index.html").write_text(f"<html><head></head><body>{body}</body></html>")
    (folder / "other.html").write_text("<h1 id='top'>Other</h1>")
    (folder / "style.css").write_text(style)
    return folder


@pytest.mark.parametrize(
    "body",
    [
        "<a href='other.html'>x</a>",
        "<a href='other.html#top'>x</a>",
        "<a href='https://example.org/'>links to other servers are not loaded</a>",
        "<p id='here'><a href='#here'>x</a>",
        "<img src='data:image/png;base64,AAAA'>",
    ],
)
def test_what_is_allowed(body: str, tmp_path: Path) -> None:
    assert check_site.problems(site_of(tmp_path, body, "@font-face { src: url(a.woff2) }")) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<a href='gone.html'>x</a>", "gone.html leads nowhere"),
        ("<a href='other.html#gone'>x</a>", "other.html#gone: no such place in the page"),
        ("<img src='gone.png'>", "gone.png leads nowhere"),
        ("<script src='https://example.org/a.js'></script>", "loads https://example.org/a.js"),
        ("<link rel='stylesheet' href='//example.org/a.css'>", "loads //example.org/a.css"),
        ("<link rel='preconnect' href='https://example.org'>", "loads https://example.org"),
        ("<p style='background: url(http://example.org/a.png)'>", "loads http://example.org/a.png"),
    ],
)
def test_what_is_found(body: str, problem: str, tmp_path: Path) -> None:
    assert check_site.problems(site_of(tmp_path, body)) == [f"index.html: {problem}"]


def test_styles_load_nothing_from_a_network(tmp_path: Path) -> None:
    style = "@import 'https://example.org/a.css'; p { src: url(\"https://example.org/b\") }"
    assert len(check_site.problems(site_of(tmp_path, "", style))) == 2


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert check_site.problems(tmp_path) == [f"{tmp_path}: no page"]


@pytest.mark.skipif(find_spec("zensical") is None, reason="zensical is not there: make docs")
def test_the_site_builds_and_works_offline(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    site = tmp_path / "build" / "site"
    assert check_site.problems(site) == []
    pages = {path.with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    assert {
        ROOT / "docs" / page.relative_to(site).with_suffix("") for page in site.rglob("*.html")
    } == pages | {ROOT / "docs" / "404"}
    assert "var __index" in (site / "search.js").read_text()  # search from disk
