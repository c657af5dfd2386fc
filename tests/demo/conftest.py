"""A small world for the demonstration: blobs for nuclei and for mushrooms, a narrow model."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from relook.config.base import overlay
from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.training.settings import Overlay
from relook.training.start.fresh import seeded_detector
from relook.training.start.source import Start
from relook.weights.file import load_model, save_model

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # makes `examples` importable


@pytest.fixture
def blob_sets(blobs: Path, tmp_path: Path) -> Path:
    """A folder with nuclei/ and mushrooms/, both made of the blobs."""
    for name in ("nuclei", "mushrooms"):
        folder = tmp_path / "sets" / name
        (folder / "annotations").mkdir(parents=True)
        shutil.copytree(blobs.parent / "images", folder / "images")
        for split in ("train", "val"):
            shutil.copy(blobs, folder / "annotations" / f"instances_{split}.json")
    return tmp_path / "sets"


@pytest.fixture
def shipped(narrow: Overlay, tmp_path: Path) -> Start:
    """A narrow model with random weights, as if it came with relook."""
    config = overlay(preset("detectors-htc-tiny"), narrow.model)
    path = tmp_path / "shipped.safetensors"
    extra = {"preset": "detectors-htc-tiny"}
    save_model(path, seeded_detector(config, 0), config, [Category(7, "blob")], extra)
    return Start(load_model(path), path)
