"""A headless Chromium for the tests that need a browser; without one they are skipped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage"
)


def start_chromium(profile: Path) -> Any:
    """A browser that logs what it fetches and what goes wrong, with its files in `profile`."""
    driver = shutil.which("chromedriver")
    binary = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if driver is None or binary is None:
        pytest.skip("no browser: install the packages chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="the package selenium is missing")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for switch in (*SWITCHES.split(), f"--user-data-dir={profile}"):
        options.add_argument(switch)
    options.set_capability("unhandledPromptBehavior", "accept")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(driver))
