"""Weights that are read from their file a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import ModelError
from relook.models.build import build_detector
from relook.weights.stored_detector import StoredDetector

from ..narrow_models import narrow_config


def test_it_reads_while_the_file_is_the_same(tmp_path: Path) -> None:
    detector = build_detector(narrow_config())
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    again = StoredDetector.of(path, lambda: detector)
    assert again() is detector
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"M01.*weights.*changed since.*Load the model anew"):
        again()
    path.unlink()
    with pytest.raises(ModelError, match=r"M01.*No such file"):
        again()
