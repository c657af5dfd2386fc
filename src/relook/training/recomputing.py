"""Activation checkpointing of the parts of a detector in training."""

from __future__ import annotations

from typing import Final

from ..layers.aspp import ASPP
from ..layers.recomputed import Recomputed
from ..models.backbones.resnet import BasicBlock, Bottleneck
from ..models.detector import Detector
from ..models.heads.box import BoxHead
from ..models.heads.mask import MaskHead
from ..models.heads.semantic import SemanticHead
from ..models.pyramids.fpn import FPN

_METHODS: Final = {
    ASPP: "forward",
    BasicBlock: "forward",
    Bottleneck: "forward",
    BoxHead: "forward",
    FPN: "forward",
    MaskHead: "features",
    SemanticHead: "forward",
}


def recompute_activations(detector: Detector) -> int:
    """Recompute the activations of the blocks of the backbones, the pyramid and the heads in the
    backward pass, instead of keeping them.

    Losses and gradients stay the same. Return the number of these parts; parts that are not
    relook's own are not changed.
    """
    parts = [module for module in detector.modules() if type(module) in _METHODS]
    for part in parts:
        method = _METHODS[type(part)]
        vars(part)[method] = Recomputed(part, method)
    return len(parts)
