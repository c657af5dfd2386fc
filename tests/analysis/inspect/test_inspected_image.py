"""One image through a model that is listened to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import relook
from relook.analysis.inspect.inspected_image import (
    InspectedImage,
    cut_to_image,
    detect,
    listening,
    prepare,
)
from relook.errors import DataError
from relook.inference.predictor import Predictor


def test_it_finds_what_prediction_finds(nuclei: Predictor, seen: InspectedImage) -> None:
    found = detect(nuclei, seen)
    usual = nuclei.predict(seen.image, size=(160, 100))
    assert len(found) == len(usual) > 3
    np.testing.assert_allclose(found.scores, usual.scores, atol=1e-3)


def test_listeners_hear_and_are_gone_again(nuclei: Predictor, seen: InspectedImage) -> None:
    heard: list[Any] = []
    layer = nuclei.detector.rpn.conv
    with listening({layer: heard.append}):
        detect(nuclei, seen)
    assert len(heard) == 5  # levels
    detect(nuclei, seen)
    assert len(heard) == 5 and not layer._forward_hooks


def test_a_training_model_goes_on_training(seen: InspectedImage) -> None:
    model = relook.load("nuclei", device="cpu")
    model.detector.train()
    detect(model, seen)
    assert model.detector.training


def test_maps_are_cut_to_the_image(seen: InspectedImage) -> None:
    assert seen.batch.pixels.shape[-2:] == (128, 160)
    values = torch.arange(32.0 * 40).reshape(1, 32, 40)
    assert cut_to_image(values, seen).shape == (25, 40)
    assert cut_to_image(torch.zeros(2, 3), seen).shape == (2, 3)


def test_a_missing_image_is_named(nuclei: Predictor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*none\.png"):
        prepare(nuclei, tmp_path / "none.png")
