"""`benchmarks/switches.py`: means over images, intervals, and pairs within an image."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import switches

IMAGES = Path(__file__).resolve().parents[1] / "datasets" / "nuclei" / "images"


def test_sizes_are_compared_within_an_image() -> None:
    known = {"small": 0.5, "medium": 0.7, "large": None, "image": 1.0}
    other = {"small": 0.7, "medium": None, "large": None, "image": 1.0}
    rows = [line.strip("| ").split(" | ") for line in switches.table([known, other]).splitlines()]
    assert [row[0].strip() for row in rows[2:]] == ["small", "medium", "large", "image"]
    small, medium, large, image = rows[2:]
    assert small[1:3] == ["2", "0.600 [0.500, 0.700]"]
    assert medium[1:4] == ["1", "0.700 [0.700, 0.700]", "+0.200 [+0.200, +0.200]"]
    assert large[1:4] == ["0", "-", "-"]
    assert image[2] == "1.000 [1.000, 1.000]"


def test_a_run_looks_into_images(capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(IMAGES), "--model", "nuclei", "--limit", "2"]
    assert switches.main(given) == 0
    assert "| image | 2 |" in capsys.readouterr().out
    assert switches.main(["nowhere", "--model", "nuclei"]) == 3
    assert "D01" in capsys.readouterr().err
