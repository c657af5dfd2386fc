"""One narrow model and its ONNX file, exported once for all tests (ten seconds of a core)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from relook.config.model import SACConfig
from relook.export.reading import OnnxFile, read_onnx
from relook.export.session import OnnxNetwork
from relook.export.writing import write_onnx
from relook.structures.rules.cascade import STAGES
from relook.weights.file import SavedModel

from ..narrow_models import FEW_TO_DETECT, NUT_AND_BOLT, detector_of, narrow_config


@dataclass(frozen=True)
class Small:
    saved: SavedModel
    path: Path
    file: OnnxFile
    network: OnnxNetwork


def small_model() -> SavedModel:
    """One stage, two classes, masks, and a switchable convolution at the end."""
    config = narrow_config(
        "htc-tiny",
        num_classes=2,
        semantic=None,
        backbone__norm="fixed_batch",
        backbone__weight_standardisation=True,
        backbone__sac=SACConfig(stages=(False, False, False, True)),
        cascade__stages=STAGES[:1],
        input__size=(192, 128),
        **FEW_TO_DETECT,
    )
    extra = {"shown_from": 0.1, "licence": "CC0-1.0"}
    return SavedModel(detector_of(config).eval(), config, NUT_AND_BOLT, extra)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    saved = small_model()
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes of the run
    path = folder / "small.onnx"
    with FileLock(f"{path}.lock"):
        if not path.is_file():
            write_onnx(saved, path, source_sha256="ab" * 32, optimize=False)
    file = read_onnx(path)
    return Small(saved, path, file, OnnxNetwork(file, path))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
