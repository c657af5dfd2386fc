"""Fixtures of the tests with a browser: a server on nuclei, a Chromium, a page of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.app.models import ModelShelf
from relook.model_files import find_model

from ..chromium import start_chromium
from .page_driver import Page, Served

NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei"
FIRST, SECOND, THIRD = (
    "03b9306f44e9b8951461.jpg",
    "06350c7cc618be442c15.jpg",
    "0acd2c223d300ea55d05.jpg",
)
HOSTILE = "<img src=x onerror=alert(1)>.png"
WIDE = "wide.png"
SHOTS = os.environ.get("RELOOK_SHOTS")  # a folder, to look at what the tests see


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a folder: nuclei, an image of an odd name, a wide one and a broken one."""
    folder = tmp_path_factory.mktemp("cells")
    for name in (FIRST, SECOND):
        shutil.copy(NUCLEI / "images" / name, folder)
    with Image.open(NUCLEI / "images" / THIRD) as image:
        small = image.convert("RGB").crop((0, 0, 96, 96))
    small.save(folder / HOSTILE)
    Image.fromarray(np.tile(np.asarray(small), (1, 22, 1))).save(folder / WIDE)  # 2112 x 96
    (folder / "broken.png").write_bytes(b"no picture")
    shelf = ModelShelf.of(["nuclei"], device="cpu")
    server = Served(folder, shelf, {"nuclei": find_model("nuclei")})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    browser = start_chromium(tmp_path_factory.mktemp("profile"))
    browser.set_page_load_timeout(60)
    yield browser
    browser.quit()


@pytest.fixture
def page(chrome: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = Page(chrome)
    page.size()
    page.problems()
    yield page
    if SHOTS:
        chrome.save_screenshot(str(Path(SHOTS) / f"{request.node.name}.png"))
