"""Folding of a detector into one for prediction only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import nn

from ...layers.aspp import ASPP
from ...layers.conv_norm import ConvNorm
from ...layers.linear import Linear, MapLinear
from ...layers.recomputed import Recomputed
from ..backbones.resnet import ResNet
from ..detector import Detector
from ..pyramids.fpn import FPN
from ..pyramids.rfp import RecursiveFeaturePyramid
from .features import FoldedASPP, FoldedFPN, FoldedRecursiveFeaturePyramid, FoldedResNet
from .layers import FoldedDoubling, FoldedLinear, FoldedMapLinear, twin
from .units import folded_head_conv, folded_unit


@torch.no_grad()
def fold(detector: Detector, dtype: torch.dtype = torch.float32) -> Detector:
    """A copy of `detector` for prediction only, with the same detections up to rounding to `dtype`.

    relook's own parts are replaced by ones with constants computed in advance. All other parts,
    such as users' own and those with forward hooks, are not changed. Tensors that are not folded
    are shared; later changes of `detector` may or may not change the copy. With a `dtype` of 16
    bits, features and hidden layers of heads compute in it, and the copy is run under autocast, for
    the parts that are not folded.
    """
    folded: Detector = _Folding(dtype).fold(detector)
    return folded.eval()


class _Folding:
    """One pass over a network; a module that is used twice stays a single one."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._done: dict[nn.Module, nn.Module] = {}
        self._kept: dict[nn.Module, nn.Module] = {}

    def fold(self, module: nn.Module) -> Any:
        if module not in self._done:
            self._done[module] = self._folded(module)
        return self._done[module]

    def _folded(self, module: nn.Module) -> nn.Module:
        if not any(hooks(inner) for inner in module.modules()):
            if isinstance(module, RecursiveFeaturePyramid) and _has_own_backbones(module):
                return FoldedRecursiveFeaturePyramid(module, self.fold, self._dtype)
            maker = MAKERS.get(type(module))
            if maker is not None:
                return maker(module, self._dtype)
        # Code of another module may read its children's weights.
        return _copy_of(module, self.fold if _may_fold_children(module) else self._keep)

    def _keep(self, module: nn.Module) -> nn.Module:
        if module not in self._kept:
            self._kept[module] = _copy_of(module, self._keep)
        return self._kept[module]


def hooks(module: nn.Module) -> int:
    """Number of forward hooks of `module`; a module with hooks is not folded."""
    attributes = vars(module)
    return len(attributes["_forward_hooks"]) + len(attributes["_forward_pre_hooks"])


def _copy_of(module: nn.Module, copied: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy of `module` with the same tensors, and with copies of its children."""
    copy = type(module).__new__(type(module))
    children = vars(module)["_modules"]  # each name, also of a child that has two
    copies = {name: None if child is None else copied(child) for name, child in children.items()}
    attributes = {
        n: value for n, value in vars(module).items() if not isinstance(value, Recomputed)
    }
    vars(copy).update(attributes, _modules=copies)
    return copy


def _may_fold_children(module: nn.Module) -> bool:
    """Return whether `module` is relook's, or a container, so that its children may be folded."""
    containers = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    package = __name__.partition(".")[0]
    origins = {base.__module__.partition(".")[0] for base in type(module).__mro__}
    return type(module) in containers or package in origins


def _has_own_backbones(pyramid: RecursiveFeaturePyramid) -> bool:
    """Return whether all backbones are relook's own, which have the two parts."""
    kinds = {type(backbone) for backbone in pyramid.backbones}
    return type(pyramid) is RecursiveFeaturePyramid and kinds == {ResNet}


MAKERS: Final[Mapping[type, Callable[[Any, torch.dtype], nn.Module]]] = {
    ResNet: FoldedResNet,
    FPN: FoldedFPN,
    ASPP: FoldedASPP,
    ConvNorm: lambda layer, dtype: folded_unit(layer.conv, layer.norm, dtype=dtype),
    nn.Conv2d: folded_head_conv,
    nn.ConvTranspose2d: lambda conv, dtype: (
        FoldedDoubling(conv, dtype) if FoldedDoubling.fits(conv) else twin(conv)
    ),
    nn.Linear: lambda linear, _: FoldedLinear(linear),
    Linear: FoldedLinear,
    MapLinear: FoldedMapLinear,
}
