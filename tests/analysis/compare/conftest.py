"""A model that comes along and a disturbed copy of it, over two real images."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

import relook
from relook.analysis.compare.run import Compared, compare_images
from relook.analysis.compare.truth import TruthFile
from relook.inference.predictor import Predictor

NUCLEI = Path(__file__).parents[3] / "datasets" / "nuclei"
JSON = NUCLEI / "annotations" / "instances_val.json"


@pytest.fixture(scope="session")
def images() -> list[Path]:
    names = ("0acd2c223d300ea55d05.jpg", "0bf4b144167694b6846d.jpg")
    return [NUCLEI / "images" / name for name in names]


@pytest.fixture(scope="session")
def truth() -> TruthFile:
    return TruthFile(JSON)


@pytest.fixture(scope="session")
def nuclei() -> Predictor:
    return relook.load("nuclei", device="cpu")


@pytest.fixture(scope="session")
def disturbed(nuclei: Predictor) -> Predictor:
    """The same model with noise on its weights."""
    detector = copy.deepcopy(nuclei.detector)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in detector.parameters():
            if weight.numel() > 1:
                noise = torch.randn(weight.shape, generator=generator)
                weight.add_(0.43 * weight.std() * noise)
    shown = nuclei.shown_from
    return Predictor(detector, nuclei.config, nuclei.classes, device="cpu", shown_from=shown)


@pytest.fixture(scope="session")
def compared(
    nuclei: Predictor, disturbed: Predictor, images: list[Path], truth: TruthFile
) -> list[Compared]:
    """Both models over both images, with the truth."""
    return list(compare_images(nuclei, disturbed, images, truth=truth))
