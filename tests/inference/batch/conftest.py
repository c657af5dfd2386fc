"""A narrow model with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relook.inference.predictor import Predictor

from ...narrow_models import narrow_config, predictor_of


def _model(seed: int = 0, **changes: Any) -> Predictor:
    config = narrow_config(
        num_classes=2,
        rpn__test__proposals=20,
        semantic=None,
        cascade__select__max_detections=6,
        input__size=(96, 96),
        **changes,
    )
    return predictor_of(config, seed=seed)


@pytest.fixture(scope="session")
def model() -> Callable[..., Predictor]:
    """Makes one from a seed and changes of its configuration."""
    return _model
