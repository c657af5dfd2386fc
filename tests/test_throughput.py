"""`benchmarks/throughput.py`: both sides do the same images, and the numbers are those measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import throughput

IMAGES = Path(__file__).resolve().parents[1] / "datasets" / "nuclei" / "images"


def test_the_ratio_is_of_the_same_round() -> None:
    network = [throughput.Seconds(wall, 0.9) for wall in (1.0, 2.0, 4.0)]
    command = [throughput.Seconds(wall, 1.0) for wall in (2.0, 2.5, 4.0)]
    row = throughput.summary(10, network, command)
    assert row["cpu_ratio"] == 0.9
    assert row["ratios"] == [0.5, 0.8, 1.0]
    assert row["ratio"] == 0.8
    assert row["network_images_per_second"] == 5.0
    assert row["command_images_per_second"] == 4.0
    text = throughput.table({"coco": row})
    assert "| coco | 5.00 | 4.00 | 0.800 (0.500 to 1.000) | 0.900 |" in text


def test_a_run_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "throughput.json"
    given = ["--limit", "2", "--rounds", "1", "--threads", "1", "--size", "128", "128"]
    images = ["--images", str(IMAGES), "--save", "coco"]
    throughput.main([*given, *images, "--out", str(out)])
    row = json.loads(out.read_text())["rows"]["coco"]
    assert row["images"] == 2
    (network, _), (command, _) = row["network_seconds"][0], row["command_seconds"][0]
    assert row["ratio"] == pytest.approx(network / command)
    assert "| coco |" in capsys.readouterr().out
