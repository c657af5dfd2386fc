"""The short form of `make torture`: a training is killed at random moments, and goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="commands are forked")
def test_a_killed_training_leaves_what_an_undisturbed_one_leaves(tmp_path: Path) -> None:
    """With accumulated gradients; the moments are drawn from a seed."""
    report = tmp_path / "report.json"
    words = ["--minutes", "0", "--only", "accumulate", "--results", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [row] = json.loads(report.read_text())["rows"]
    assert (row["name"], row["works"], row["failures"]) == ("train, accumulate", 1, [])
    assert row["kills"] + row["ended_before"] >= 1
