"""Which parts of a detector compute twice in training, to need less memory."""

from __future__ import annotations

from typing import Final

from ..layers.aspp import ASPP
from ..layers.recomputed import Recomputed
from ..models.backbones.resnet import Bottleneck
from ..models.detector import Detector
from ..models.heads.box import BoxHead
from ..models.heads.mask import MaskHead
from ..models.heads.semantic import SemanticHead
from ..models.pyramids.fpn import FPN

_METHODS: Final = {
    ASPP: "forward",
    Bottleneck: "forward",
    BoxHead: "forward",
    FPN: "forward",
    MaskHead: "features",
    SemanticHead: "forward",
}


def recompute_activations(detector: Detector) -> int:
    """Let the blocks of the backbones, the pyramid and the heads forget what they computed inside
    until the backward pass.

    Losses and gradients stay the same. Returns how many parts do; parts that are not relook's
    own go on as they were.
    """
    parts = [module for module in detector.modules() if type(module) in _METHODS]
    for part in parts:
        method = _METHODS[type(part)]
        vars(part)[method] = Recomputed(part, method)
    return len(parts)
