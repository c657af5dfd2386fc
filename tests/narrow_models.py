"""Narrow models: presets with one block a stage and few channels, quick to build and to run.

`narrow_config` says what such a model is; detectors and predictors come from it. Commands and
settings of a training take the same fields as `--set` options (`as_options`) or nested (`nested`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from relook.config.model import BackboneConfig, ModelConfig
from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.inference.predictor import Predictor
from relook.models.build import build_detector
from relook.models.detector import Detector

NARROW: dict[str, Any] = {
    "backbone__blocks": (1, 1, 1, 1),
    "backbone__width": 16,
    "pyramid__channels": 16,
    "cascade__box_hidden": 16,
    "cascade__mask_channels": 16,
}
WIDER: dict[str, Any] = {"pyramid__channels": 32, "cascade__box_hidden": 32}
"""For tests in which random weights must tell classes apart, or something must be learned."""
FEW_TO_DETECT: dict[str, Any] = {
    "rpn__test__candidates": 40,
    "rpn__test__proposals": 20,
    "cascade__select__max_detections": 20,
}
FEW_TO_TRAIN: dict[str, Any] = {
    "rpn__anchors__per_image": 32,
    "rpn__train__candidates": 60,
    "rpn__train__proposals": 40,
    "cascade__sample__per_image": 16,
}
FEW = FEW_TO_DETECT | FEW_TO_TRAIN
BOXES_ONLY: dict[str, Any] = {
    "cascade__masks": False,
    "cascade__hybrid__interleaved": False,
    "cascade__hybrid__mask_flow": False,
}
NARROW_BACKBONE = BackboneConfig(blocks=(1, 1, 1, 1), width=8)
NUT_AND_BOLT = (Category(7, "nut"), Category(9, "bolt"))


def narrow_config(name: str = "htc-tiny", **changes: Any) -> ModelConfig:
    """The preset called `name`, made narrow, then with fields changed."""
    config = preset(name).with_(**NARROW)
    if config.stuff is not None:
        config = config.with_(stuff__channels=16, stuff__groups=4)
    return config.with_(**changes)


def detector_of(config: ModelConfig, seed: int = 0) -> Detector:
    """A detector with the weights of `seed`."""
    torch.manual_seed(seed)
    return build_detector(config)


def predictor_of(
    config: ModelConfig, classes: Sequence[Category] = NUT_AND_BOLT, seed: int = 0, **options: Any
) -> Predictor:
    """A predictor on the CPU with the weights of `seed`.

    Random weights give low scores, so it shows whatever is found unless `shown_from` is given.
    """
    options = {"device": "cpu", "shown_from": 0.0, **options}
    return Predictor(detector_of(config, seed), config, list(classes), **options)


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as configuration files hold them: ``{"backbone": {"width": 16}}``."""
    tree: dict[str, Any] = {}
    for path, value in fields.items():
        *parts, last = path.split("__")
        node = tree
        for part in parts:
            node = node.setdefault(part, {})
        node[last] = list(value) if isinstance(value, tuple) else value
    return tree


def as_changes(fields: dict[str, Any]) -> list[str]:
    """The fields as a command line names them: ``backbone.width=16``."""
    return [f"{path.replace('__', '.')}={json.dumps(value)}" for path, value in fields.items()]


def as_options(fields: dict[str, Any]) -> list[str]:
    """The fields as options of a command: ``--set backbone.width=16``."""
    return [word for change in as_changes(fields) for word in ("--set", change)]
