"""A cache of downloads that is the test's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from relook.interop.zoo import downloading

sys.path.insert(0, str(Path(__file__).parent))  # makes `their_configs` importable


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, no mirrors, and no waiting between tries."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RELOOK_CACHE", str(folder))
    monkeypatch.delenv("RELOOK_MIRRORS", raising=False)
    monkeypatch.setattr(downloading, "PAUSES", (0.0, 0.0, 0.0))
    return folder
