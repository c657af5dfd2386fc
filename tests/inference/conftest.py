"""Models with every part and hardly any width."""

from __future__ import annotations

from typing import Any

from relook.config.model import ModelConfig

from ..narrow_models import FEW_TO_DETECT, narrow_config


def narrow(name: str, **changes: Any) -> ModelConfig:
    """The preset called `name` for two classes, a few channels wide, with fields changed."""
    config = narrow_config(
        name,
        **FEW_TO_DETECT | {"cascade__select__max_detections": 8},
        num_classes=2,
        input__size=(128, 96),
    )
    if config.stuff is not None:
        config = config.with_(stuff__num_classes=3)
    if config.semantic is not None:
        config = config.with_(semantic__num_classes=3)
    return config.with_(**changes)
