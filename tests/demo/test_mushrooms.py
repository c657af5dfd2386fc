"""The second part: before, fine-tuned, from scratch."""

from __future__ import annotations

from pathlib import Path

import yaml
from PIL import Image
from rich.console import Console

from relook.demo.datasets import find_data
from relook.demo.mushrooms import adapt
from relook.training.settings import Overlay
from relook.training.start.source import Start


def test_both_trainings_have_the_same_minutes_sizes_and_caps(
    shipped: Start, blob_sets: Path, narrow: Overlay, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "out"
    rows = adapt(shipped, find_data(blob_sets, "mushrooms"), 0.002, folder, console, narrow)
    assert [row.name for row in rows] == [
        "nuclei, as it comes",
        "fine-tuned from it",
        "from scratch",
    ]
    before, *trained = rows
    assert before.seconds is None
    assert all(row.seconds is not None and row.seconds > 0 for row in trained)
    tuned, scratch = (
        yaml.safe_load((folder / f"mushrooms-{name}" / "config.yaml").read_text())
        for name in ("fine-tuned", "from-scratch")
    )
    for part in ("input", "rpn", "cascade"):
        assert tuned["model"][part] == scratch["model"][part]
    for key in ("minutes", "epochs", "max_dets"):
        assert tuned["train"][key] == scratch["train"][key]
    assert tuned["train"]["augment"] == scratch["train"]["augment"]
    assert tuned["data"]["val_json"] is None
    with Image.open(folder / "mushrooms.jpg") as picture:
        assert min(picture.size) > 300
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said.count("fine-tuning: train.lr") == 1
    assert said.count("random weights, nothing learned before") == 1
