"""A trained-looking model, images and annotations for the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from relook.config.model import ModelConfig
from relook.data.coco.reader import Category
from relook.weights.file import save_model

from ..narrow_models import detector_of, narrow_config

Run = Callable[..., Result]


def _config(name: str, **changes: Any) -> ModelConfig:
    return narrow_config(
        name,
        num_classes=2,
        backbone__norm="group",
        cascade__select__score_threshold=0.001,
        cascade__select__max_detections=10,
        rpn__test__proposals=30,
        input__size=(96, 96),
        **changes,
    )


def _saved(folder: Path, config: ModelConfig, **extra: Any) -> Path:
    classes = (Category(1, "nut"), Category(2, "bolt"))
    save_model(folder / "best.safetensors", detector_of(config, seed=3), config, classes, extra)
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose model finds something in everything."""
    config = _config("htc-tiny", semantic__num_classes=3)
    return _saved(tmp_path_factory.mktemp("runs") / "nuts", config, shown_from=0.05)


@pytest.fixture(scope="session")
def box_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for boxes only, which stores no score worth showing."""
    return _saved(tmp_path_factory.mktemp("runs") / "boxes", _config("cascade-r50"))


def write_picture(path: Path, width: int = 60, height: int = 50, seed: int = 0) -> Path:
    """A smooth random picture."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures, two of one name, beside other things."""
    folder = tmp_path / "pictures"
    write_picture(folder / "a.png", seed=1)
    write_picture(folder / "b.jpg", seed=2)
    write_picture(folder / "more" / "a.png", 40, 45, seed=3)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def annotations(pictures: Path) -> Path:
    """COCO instances of the pictures, with other category ids than the model's."""
    sizes = {"a.png": (60, 50), "b.jpg": (60, 50), "more/a.png": (40, 45)}
    images, objects = [], []
    for number, (name, (width, height)) in enumerate(sizes.items(), start=1):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for category, left in ((20, 2), (10, 20)):
            polygon = [left, 5, left + 15, 5, left + 15, 30, left, 30]
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": [left, 5, 15, 25],
                    "area": 375,
                    "iscrowd": 0,
                    "segmentation": [polygon],
                }
            )
    path = pictures.parent / "truth.json"
    categories = [{"id": 10, "name": "bolt"}, {"id": 20, "name": "nut"}]
    content = {"images": images, "annotations": objects, "categories": categories}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def relook() -> Run:
    """Runs the command line in this process."""
    from relook.cli.app import app

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
