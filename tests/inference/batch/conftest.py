"""A narrow model with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.inference.predictor import Predictor
from relook.models.build import build_detector

CLASSES = (Category(7, "nut"), Category(9, "bolt"))


def _model(seed: int = 0, **changes: Any) -> Predictor:
    config = preset("htc-tiny").with_(
        num_classes=2,
        backbone__blocks=(1, 1, 1, 1),
        backbone__width=16,
        pyramid__channels=16,
        rpn__test__proposals=20,
        semantic=None,
        cascade__box_hidden=16,
        cascade__mask_channels=16,
        cascade__select__max_detections=6,
        input__size=(96, 96),
        **changes,
    )
    torch.manual_seed(seed)
    return Predictor(build_detector(config), config, CLASSES, device="cpu", shown_from=0.0)


@pytest.fixture(scope="session")
def model() -> Callable[..., Predictor]:
    """Makes one from a seed and changes of its configuration."""
    return _model
