"""The model that comes along, and a part of a real image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import relook
from relook.analysis.inspect.inspected_image import InspectedImage, prepare
from relook.inference.predictor import Predictor

NUCLEI = Path(__file__).parents[3] / "datasets" / "nuclei" / "images"


@pytest.fixture(scope="session")
def nuclei() -> Predictor:
    return relook.load("nuclei", device="cpu")


@pytest.fixture(scope="session")
def crop() -> np.ndarray[Any, Any]:
    with Image.open(sorted(NUCLEI.glob("*"))[0]) as whole:
        return np.asarray(whole.convert("RGB"))[:100, :160]


@pytest.fixture(scope="session")
def seen(nuclei: Predictor, crop: np.ndarray[Any, Any]) -> InspectedImage:
    return prepare(nuclei, crop, (160, 100))
