"""``relook doctor``: what it found, and the fast ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from typer.testing import Result

from relook.models.folding import fast_ways
from relook.ops.cpu import onednn

Run = Callable[..., Result]


def test_it_names_versions_devices_and_fast_ways(relook: Run) -> None:
    result = relook("doctor")
    assert result.exit_code == 0
    assert f"torch {torch.__version__.partition('+')[0]}" in result.stdout
    assert f"{torch.get_num_threads()} threads" in result.stdout
    for way in fast_ways():
        assert way in result.stdout


def test_it_says_what_is_missing(relook: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_available", lambda: False)
    assert "not packed" in relook("doctor").stdout
