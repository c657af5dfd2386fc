"""torchvision's ResNet and Mask R-CNN weights, as the start of a training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from ..config.model import ModelConfig
from ..errors import ModelError
from ..models.build import build_detector
from ..models.detector import Detector
from .tensor_table import Row

_RULES: Final = (
    (re.compile(r"^backbone\.body\."), "backbone."),
    (re.compile(r"^backbone\.fpn\.inner_blocks\.(\d)\.(?:0\.)?"), r"fpn.laterals.\1."),
    (re.compile(r"^backbone\.fpn\.layer_blocks\.(\d)\.(?:0\.)?"), r"fpn.outputs.\1."),
    (re.compile(r"^(conv1|bn1|layer[1-4])\."), r"backbone.\1."),
)
_PART = re.compile(r"(?:fpn|backbone)\.")
_STANDARDISED = (".weight_gamma", ".weight_beta")


class Start(NamedTuple):
    """A detector with a trained backbone and pyramid, and random heads."""

    detector: Detector
    rows: list[Row]


def start_from(state: Mapping[str, Tensor], config: ModelConfig, seed: int = 0) -> Start:
    """A detector with backbones (of all looks) and pyramid of `state`; all else is random.

    Raises:
        ModelError: M04 when the backbone of `state` is not the configuration's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = build_detector(config)
    keys = {_part_name(key): key for key in state}
    model_state = detector.state_dict()
    loaded: dict[str, Tensor] = {}
    rows: list[Row] = []
    unused = set(state)
    for name, tensor in model_state.items():
        key = keys.get(re.sub(r"^features\.(?:backbones\.\d+|backbone)\.", "backbone.", name))
        key = key or keys.get(name.removeprefix("features."))
        shape = tuple(tensor.shape)
        if key is not None and state[key].shape == tensor.shape:
            loaded[name] = state[key]
            rows.append(Row(name, key, shape, "renamed"))
            unused.discard(key)
        elif name.endswith(_STANDARDISED):
            rows.append(Row(name, None, shape, "computed", "from the kernel's own statistics"))
        else:
            rows.append(Row(name, None, shape, "missing", "starts fresh"))
    wrong = sorted(key for key in unused if _part_name(key).startswith("backbone."))
    if wrong or not loaded:
        named = ", ".join(wrong[:5]) or "no backbone in it"
        raise ModelError(
            "M04",
            f"torchvision's weights do not fit the backbone of this preset ({len(wrong)} tensors "
            f"have no place: {named}). Choose a preset of the same depth, width and groups.",
        )
    detector.load_state_dict(loaded, strict=False)
    rows += [
        Row(None, key, tuple(state[key].shape), "left over", _why_left(key))
        for key in state
        if key in unused
    ]
    return Start(detector.eval(), rows)


def _part_name(key: str) -> str:
    for pattern, name in _RULES:
        if pattern.match(key):
            return pattern.sub(name, key)
    return key


def _why_left(key: str) -> str:
    return "of another head" if not _PART.match(_part_name(key)) else "of another shape"


def torchvision_refusal(state: Mapping[str, Any]) -> ModelError:
    """The error for a file of torchvision without the name of a preset."""
    kind = "ResNet" if "fc.weight" in state or "conv1.weight" in state else "Mask or Faster R-CNN"
    return ModelError(
        "M04",
        f"these are torchvision's weights of a {kind}, which is no cascade: relook cannot predict "
        "with them. Backbone and pyramid can be the start of a training: say of which model by "
        "preset (for ResNet-50 for example htc-r50).",
    )
