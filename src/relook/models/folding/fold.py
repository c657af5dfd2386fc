"""A detector becomes one that only predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

from ...layers.aspp import ASPP
from ...layers.conv_norm import ConvNorm
from ...layers.linear import Linear
from ...layers.recomputed import Recomputed
from ..backbones.resnet import ResNet
from ..detector import Detector
from ..pyramids.fpn import FPN
from ..pyramids.rfp import RecursiveFeaturePyramid
from .features import FoldedASPP, FoldedFPN, FoldedRecursiveFeaturePyramid, FoldedResNet
from .layers import FoldedLinear
from .units import folded_unit


@torch.no_grad()
def fold(detector: Detector) -> Detector:
    """A copy of `detector` for prediction alone: what it detects is the same up to rounding.

    Parts that relook knows are replaced by ones whose constants are worked out; all others, a
    user's own and those with forward hooks among them, are taken as they are. Tensors that are not
    folded are shared, and later changes of `detector` do not reach the copy for sure.
    """
    folded: Detector = _Folding().fold(detector)
    return folded.eval()


class _Folding:
    """One pass over a network; a module that is used twice stays one."""

    def __init__(self) -> None:
        self._done: dict[nn.Module, nn.Module] = {}
        self._kept: dict[nn.Module, nn.Module] = {}

    def fold(self, module: nn.Module) -> Any:
        if module not in self._done:
            self._done[module] = self._folded(module)
        return self._done[module]

    def _folded(self, module: nn.Module) -> nn.Module:
        if not any(hooks(inner) for inner in module.modules()):
            if isinstance(module, RecursiveFeaturePyramid) and _is_stock(module):
                return FoldedRecursiveFeaturePyramid(module, self.fold)
            maker = MAKERS.get(type(module))
            if maker is not None:
                return maker(module)
        # Who wrote another module may read its children's weights.
        return _around(module, self.fold if _is_ours(module) else self._keep)

    def _keep(self, module: nn.Module) -> nn.Module:
        if module not in self._kept:
            self._kept[module] = _around(module, self._keep)
        return self._kept[module]


def hooks(module: nn.Module) -> int:
    """Hooks that look at what goes into `module` and comes out: it is then left as it is."""
    own = vars(module)
    return len(own["_forward_hooks"]) + len(own["_forward_pre_hooks"])


def _around(module: nn.Module, copied: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy of `module` with the same tensors, around copies of its children."""
    same = type(module).__new__(type(module))
    children = vars(module)["_modules"]  # each name, also of a child that has two
    copies = {name: None if child is None else copied(child) for name, child in children.items()}
    own = {n: value for n, value in vars(module).items() if not isinstance(value, Recomputed)}
    vars(same).update(own, _modules=copies)
    return same


def _is_ours(module: nn.Module) -> bool:
    """Return whether relook knows how `module` uses its children."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    package = __name__.partition(".")[0]
    origins = {base.__module__.partition(".")[0] for base in type(module).__mro__}
    return type(module) in containers or package in origins


def _is_stock(pyramid: RecursiveFeaturePyramid) -> bool:
    """Return whether all backbones are relook's own, which can be begun apart."""
    kinds = {type(backbone) for backbone in pyramid.backbones}
    return type(pyramid) is RecursiveFeaturePyramid and kinds == {ResNet}


MAKERS: Final[Mapping[type, Callable[[Any], nn.Module]]] = {
    ResNet: FoldedResNet,
    FPN: FoldedFPN,
    ASPP: FoldedASPP,
    ConvNorm: lambda layer: folded_unit(layer.conv, layer.norm),
    nn.Conv2d: folded_unit,
    nn.Linear: FoldedLinear,
    Linear: FoldedLinear,
}
