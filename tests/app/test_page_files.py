"""The files of the page: all are in the wheel, and none asks another host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src" / "relook" / "app" / "page"
FILES = sorted(path.name for path in PAGE.iterdir() if path.is_file())
WORDS = {name: (PAGE / name).read_text(encoding="utf-8") for name in FILES}


def test_each_file_is_in_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["relook"]
    package = ROOT / "src" / "relook"
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    assert {PAGE / name for name in FILES} <= packed


def test_what_a_file_names_is_there() -> None:
    """Imports, styles and icons: a file that is missing would be seen in a browser only."""
    for name, text in WORDS.items():
        imported = re.findall(r'from "\./([\w.]+)"', text)
        asked = re.findall(r'/static/([\w.]+)(?:#(\w+))?"', text)
        assert {*imported, *(file for file, _ in asked)} <= set(FILES), name
        icons = {icon for _, icon in asked if icon}
        assert icons <= set(re.findall(r'<symbol[^>]* id="(\w+)"', WORDS["icons.svg"]))


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    """What the Content-Security-Policy would refuse, and what would be markup of a name."""
    for name, text in WORDS.items():
        addresses = set(re.findall(r"https?://[\w./]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, name
    page = WORDS["index.html"]
    assert not re.search(r"\s(style|on\w+)=", page)
    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="/static/main.js">']
    assert "<style" not in page + WORDS["icons.svg"]


def test_files_stay_readable() -> None:
    assert max(text.count("\n") for text in WORDS.values()) <= 320
