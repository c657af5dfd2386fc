"""torchvision's ResNet and Mask R-CNN weights, as the start of a training.

Of a detector, backbone, pyramid and region proposals are taken. What was added to the variances of
the backbone is part of its scales afterwards, so that the start computes the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..config.model import ModelConfig
from ..errors import ModelError
from ..models.build import build_detector
from ..models.detector import Detector
from .tensor_table import Row, Status
from .torchvision_models import names_of

_BACKBONE = re.compile(r"^(conv1|bn1|layer[1-4])\.")
_PART = re.compile(r"(?:fpn|backbone|rpn)\.")
_STANDARDISED = (".weight_gamma", ".weight_beta")


class Start(NamedTuple):
    """A detector with a trained backbone and pyramid, and random heads."""

    detector: Detector
    rows: list[Row]


def start_from(state: Mapping[str, Tensor], config: ModelConfig, seed: int = 0) -> Start:
    """A detector with backbones (of all looks), pyramid and proposals of `state`; all else is
    random.

    Raises:
        ModelError: M04 when the backbone of `state` is not the configuration's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = build_detector(config)
    names = _part_names(state)
    keys = {name: key for key, name in names.items()}
    scales = _scales(state, config)
    model_state = detector.state_dict()
    loaded: dict[str, Tensor] = {}
    rows: list[Row] = []
    unused = set(state)
    for name, tensor in model_state.items():
        key = keys.get(re.sub(r"^features\.(?:backbones\.\d+|backbone)\.", "backbone.", name))
        key = key or keys.get(name.removeprefix("features."))
        shape = tuple(tensor.shape)
        if key is not None and state[key].shape == tensor.shape:
            loaded[name] = scales.get(key, state[key])
            status: Status = "computed" if key in scales else "renamed"
            rows.append(Row(name, key, shape, status))
            unused.discard(key)
        elif name.endswith(_STANDARDISED):
            rows.append(Row(name, None, shape, "computed", "from the kernel's own statistics"))
        else:
            rows.append(Row(name, None, shape, "missing", "starts fresh"))
    wrong = sorted(key for key in unused if names[key].startswith("backbone."))
    if wrong or not loaded:
        named = ", ".join(wrong[:5]) or "no backbone in it"
        raise ModelError(
            "M04",
            f"torchvision's weights do not fit the backbone of this preset ({len(wrong)} tensors "
            f"have no place: {named}). Choose a preset of the same depth, width and groups.",
        )
    detector.load_state_dict(loaded, strict=False)
    rows += [
        Row(None, key, tuple(state[key].shape), "left over", _why_left(names[key]))
        for key in state
        if key in unused
    ]
    return Start(detector.eval(), rows)


def _part_names(keys: Iterable[str]) -> dict[str, str]:
    """Name of each key within the features, of a detector or of a ResNet alone."""
    return {
        key: _BACKBONE.sub(r"backbone.\1.", name).removeprefix("features.")
        for key, name in names_of(keys).items()
    }


def _scales(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Scales of the norms of a backbone of which nothing was added to the variances."""
    detector = any(key.startswith("backbone.body.") for key in state)
    if not detector or any(key.endswith("num_batches_tracked") for key in state):
        return {}
    scales = {}
    for key, variance in state.items():
        if key.startswith("backbone.body.") and key.endswith("running_var"):
            weight = f"{key.removesuffix('running_var')}weight"
            ratio = (variance.double() + config.backbone.norm_eps) / variance.double()
            scales[weight] = (state[weight].double() * ratio.sqrt()).to(state[weight].dtype)
    return scales if config.backbone.norm_eps else {}


def _why_left(name: str) -> str:
    return "of another head" if not _PART.match(name) else "of another shape"


def torchvision_refusal(state: Mapping[str, Any]) -> ModelError:
    """The error for a file of torchvision without the name of a preset."""
    kind = "ResNet" if "fc.weight" in state or "conv1.weight" in state else "Mask or Faster R-CNN"
    return ModelError(
        "M04",
        f"these are torchvision's weights of a {kind}, which finds no objects by itself. They can "
        "be the start of a training: say of which model by preset (for ResNet-50 for example "
        "htc-r50).",
    )
