"""The second part: before, fine-tuned, from scratch."""

from __future__ import annotations

from pathlib import Path

import yaml
from examples.demo.datasets import find_data
from examples.demo.mushrooms import adapt
from examples.demo.plan import plan
from PIL import Image
from rich.console import Console

from relook.training.settings import Overlay
from relook.training.start.source import Start


def test_both_trainings_have_the_same_minutes_sizes_and_caps(
    shipped: Start, blob_sets: Path, narrow: Overlay, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "out"
    data = find_data(blob_sets, "mushrooms")
    planned = plan(0.004, 1e-6, nuclei=4, mushrooms=4)
    rows, kept = adapt(shipped, data, planned, lambda: planned.before, folder, console, narrow)
    assert kept == planned
    assert [row.name for row in rows] == [
        "nuclei, as it comes",
        "fine-tuned from it",
        "from scratch",
    ]
    before, *trained = rows
    assert before.seconds is None
    assert all(row.seconds is not None and row.seconds > 0 for row in trained)
    assert all(row.steps is not None and row.steps > 0 for row in trained)
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
    assert said.count("  train.lr = ") == 1
    assert said.count("random weights, nothing learned before") == 1


def test_what_took_longer_than_planned_leaves_the_time_to_fine_tuning(
    shipped: Start, blob_sets: Path, narrow: Overlay, tmp_path: Path, console: Console
) -> None:
    data = find_data(blob_sets, "mushrooms")
    planned = plan(0.004, 1e-6, nuclei=4, mushrooms=2)
    rows, kept = adapt(shipped, data, planned, lambda: 0.002, tmp_path / "out", console, narrow)
    assert planned.from_scratch and not kept.from_scratch
    assert [row.name for row in rows] == ["nuclei, as it comes", "fine-tuned from it"]
    assert {row.metrics.num_images for row in rows} == {2}
    assert not (tmp_path / "out" / "mushrooms-from-scratch").exists()
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "nothing is trained from scratch" in said
