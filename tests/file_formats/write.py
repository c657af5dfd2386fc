"""Write small files of every format of this release: ``python -m tests.file_formats.write FOLDER``.

Run once for a release, into a folder with its number; the files are kept, and later releases must
read them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from relook.data.coco.reader import Category
from relook.errors import RelookError
from relook.evaluation.files import save_predictions
from relook.inference.batch.journal import Journal
from relook.models.build import build_detector
from relook.structures.rules.cascade import STAGES
from relook.training.callbacks import Reseed
from relook.training.loop import train
from relook.training.run_folder import RunFolder
from relook.training.settings import Overlay, resolve
from relook.weights.file import save_model

from ..conftest import rectangle
from ..narrow_models import BOXES_ONLY, FEW, NARROW, narrow_config, nested

CODE = {"size": [12, 16], "counts": "j0480^4"}


def settings() -> Any:
    """Settings of a training of a narrow model."""
    model = {"num_classes": 1, "backbone": {"blocks": [1, 1, 1, 1], "width": 8}, "semantic": None}
    data = {"train_json": "train.json", "train_images": "images", "val_json": "val.json"}
    train = {"epochs": 3, "lr": 0.01, "batch": 2}
    return resolve([Overlay(model=model, train=train, data=data)], preset_name="htc-tiny")


def write(folder: Path) -> None:
    """Write all of them."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    fields = {"pyramid__channels": 8, "cascade__box_hidden": 8, "num_classes": 1, "semantic": None}
    fields |= {"backbone__width": 4, "backbone__width_per_group": 64}
    config = narrow_config("htc-tiny", **FEW, **BOXES_ONLY, **fields)
    detector, classes = build_detector(config), [Category(7, "cell")]
    extra = {"shown_from": 0.25, "licence": "Apache-2.0"}
    save_model(folder / "model.safetensors", detector, config, classes, extra, half=True)

    run = RunFolder(folder / "run")
    run.path.mkdir()
    run.config.write_text(settings().to_yaml())
    for step in (1, 2):
        run.record({"step": step, "epoch": 0, "loss": 2.5 / step, "lr": 0.01})
    run.record({"step": 2, "epoch": 0, "val/box_ap": 0.25, "val/mask_ap": float("nan")})

    found = {"bbox": [2.0, 2.0, 2.0, 4.0], "score": 0.75, "category_id": 7, "segmentation": CODE}
    save_predictions(folder / "predictions.json", [{"image_id": 1, **found}])
    journal = Journal(folder / "predicted")
    journal.begin({"model": "ab" * 32, "size": [64, 48]}, resume=False)
    record: dict[str, Any] = {"source": "a.png", "name": "a", "stamp": [100, 5], "count": 1}
    record |= {"file_name": "a.png", "width": 16, "height": 12}
    with journal:
        journal.add({**record, "objects": [{"area": 8.0, "iscrowd": 0, **found}]})
        journal.add({"source": "b.png", "name": "b", "stamp": None, "count": 0, "error": "D02"})
    (folder / "predicted" / ".journal").rename(folder / "predicted" / "journal")

    ablation = folder / "ablation"
    ablation.mkdir()
    rows = {"plain": settings().model_dump(mode="json")}
    plan = {"format": 1, "rows": rows, "files": {"train.json": "ab" * 32}}
    (ablation / "plan.json").write_text(json.dumps(plan, indent=2) + "\n")
    (ablation / "plain-seed0").mkdir()
    scores = {"ap": 0.25, "ap50": 0.5, "ap75": None, "ap_small": 0.125}
    result = {"row": "plain", "seed": 0, "metrics": {"box": scores, "mask": None}, "steps": 3}
    result |= {"images": 6, "minutes": 0.5, "memory": 10**9, "on": "cpu"}
    (ablation / "plain-seed0" / "numbers.json").write_text(json.dumps(result, indent=2) + "\n")


def write_stopped(folder: Path) -> None:
    """Write a training that was stopped by a signal inside its second epoch, and its data."""
    images, annotations = [], []
    (folder / "images").mkdir(parents=True)
    for number, box in enumerate([(4, 4, 20, 16), (10, 12, 18, 14)], start=1):
        x, y, w, h = box
        pixels = np.full((40, 40, 3), 40, np.uint8)
        pixels[y : y + h, x : x + w] = (220, 180, 90)
        name = f"{number}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": 40, "height": 40})
        annotations.append(rectangle(number, number, box))
    content = {"images": images, "annotations": annotations}
    content["categories"] = [{"id": 7, "name": "cell"}]
    (folder / "instances.json").write_text(json.dumps(content))
    fields = {**NARROW, **FEW, **BOXES_ONLY, "semantic": None, "input__size": (64, 64)}
    fields |= {"backbone__width": 4, "backbone__width_per_group": 16, "pyramid__channels": 4}
    fields |= {"cascade__box_hidden": 4, "cascade__stages": [asdict(STAGES[0])]}
    del fields["cascade__mask_channels"]
    train_ = {"epochs": 2, "batch": 1, "workers": 0, "optimizer": "sgd", "lr": 0.001, "ema": 0.5}
    train_ |= {"semantics": "none", "augment": {"crop": [40, 40]}}
    data = {"train_json": "instances.json", "train_images": "images"}
    changes = Overlay(model=nested(fields), train=train_, data=data)
    plain = Reseed.on_train_batch_start

    def stop(self: Reseed, trainer: Any, *arguments: Any) -> None:
        if trainer.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        plain(self, trainer, *arguments)

    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reseed, "on_train_batch_start", stop)
        with pytest.raises(RelookError, match="interrupted after step 3"):
            train(resolve([changes], preset_name="htc-tiny"), Console(quiet=True), out=Path("run"))
    kept = ("config.yaml", "classes.json", "data.json", "metrics.jsonl", "last.ckpt")
    for path in (folder / "run").iterdir():
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    write_stopped(Path(sys.argv[1]) / "stopped")
