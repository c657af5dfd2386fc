"""Models with every part and hardly any width."""

from __future__ import annotations

from typing import Any

from relook.config.model import ModelConfig
from relook.config.presets import preset


def narrow(name: str, **changes: Any) -> ModelConfig:
    """The preset called `name` for two classes, a few channels wide, with fields changed."""
    config = preset(name).with_(
        num_classes=2,
        backbone__blocks=(1, 1, 1, 1),
        pyramid__channels=16,
        rpn__test__candidates=40,
        rpn__test__proposals=20,
        cascade__box_hidden=16,
        cascade__mask_channels=16,
        cascade__select__max_detections=8,
        input__size=(128, 96),
    )
    if config.stuff is not None:
        config = config.with_(stuff__num_classes=3, stuff__channels=16, stuff__groups=4)
    if config.semantic is not None:
        config = config.with_(semantic__num_classes=3)
    return config.with_(**changes)
