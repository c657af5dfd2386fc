"""Recursive feature pyramid (DetectoRS, https://arxiv.org/abs/2006.02334, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..backbones.resnet import ResNet
from ..layers import initialise
from ..layers.module_list import ModuleList
from ..types import Pyramid
from .fpn import FPN


class GatedFusion(nn.Conv2d):
    """Blends the new and the old map of a level with a gate computed from the new one.

    ``gate * new + (1 - gate) * old``, one gate per position; it starts at one half.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, 1)
        initialise.constant(self)

    def blend(self, new: Tensor, old: Tensor) -> Tensor:
        """Blended map, of the shape (B, C, H, W) of both."""
        gate: Tensor = self(new).sigmoid()  # (B, 1, H, W)
        return gate * new + (1 - gate) * old


class RecursiveFeaturePyramid(nn.Module):
    """Looks at the image once per backbone, each time shown the pyramid it built before.

    FPN, connector and fusion are shared by all looks and levels; the backbones are not. Every
    backbone but the first must accept feedback. The feedback into stages 2 to 4 comes from P3,
    P4 and P5; P2 and P6 are not fed back.
    """

    def __init__(
        self, backbones: Sequence[ResNet], fpn: FPN, connector: nn.Module, fusion: GatedFusion
    ) -> None:
        super().__init__()
        self.backbones = ModuleList[ResNet](backbones)
        self.fpn = fpn
        self.connector = connector
        self.fusion = fusion

    def forward(self, pixels: Tensor) -> Pyramid:
        """Pixels (B, 3, H, W), H and W multiples of 32, to P2..P6."""
        first, *later = self.backbones
        pyramid: Pyramid = self.fpn(first(pixels))
        for backbone in later:
            feedback = [self.connector(level) for level in pyramid[1:4]]
            refined = self.fpn(backbone(pixels, feedback))
            pyramid = [
                self.fusion.blend(new, old) for new, old in zip(refined, pyramid, strict=True)
            ]
        return pyramid


@torch.no_grad()
def copy_first_look(features: nn.Module) -> None:
    """Start every later backbone as a copy of the first; their feedback stays as it is."""
    if not isinstance(features, RecursiveFeaturePyramid):
        return
    first, *later = features.backbones
    for backbone in later:
        # Feedback projections are the only parameters the first look does not have.
        backbone.load_state_dict(first.state_dict(), strict=False)
