"""Recursive feature pyramid (DetectoRS, https://arxiv.org/abs/2006.02334, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...layers.initialise import constant_init
from ...layers.module_list import ModuleList
from ...structures.detection import Pyramid
from ..backbones.resnet import Feedback, ResNet
from .fpn import FPN


class GatedFusion(nn.Conv2d):
    """Blending of the new and the old map of a level by a gate computed from the new one.

    ``gate * new + (1 - gate) * old``, one gate per position; it starts at one half.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, 1)
        constant_init(self)

    def blend(self, new: Tensor, old: Tensor) -> Tensor:
        """Blended map, of the shape (B, C, H, W) of both."""
        gate: Tensor = self(new).sigmoid()  # (B, 1, H, W)
        return gate * new + (1 - gate) * old


class RecursiveFeaturePyramid(nn.Module):
    """Several looks at the image; each later look takes the pyramid of the look before.

    FPN, connector and fusion are shared by all looks and levels. The feedback into a stage of the
    backbone is the level of its stride, through the connector.

    Args:
        backbones: One for each look, or a single one for all of them. All but the first must
            take feedback, and a single one too.
        fpn: Module from maps to pyramid.
        connector: Module from a level (B, C, H, W) to feedback of that shape.
        fusion: Blending of a look's pyramid with the one before; None takes the new one.
        steps: Number of looks; by default that of the backbones.

    Raises:
        ValueError: when the number of backbones is neither one nor `steps`.
    """

    def __init__(
        self,
        backbones: Sequence[ResNet],
        fpn: FPN,
        connector: nn.Module,
        fusion: GatedFusion | None,
        steps: int | None = None,
    ) -> None:
        super().__init__()
        self.steps = len(backbones) if steps is None else steps
        if len(backbones) not in (1, self.steps):
            raise ValueError(f"{len(backbones)} backbones for {self.steps} looks")
        self.backbones = ModuleList[ResNet](backbones)
        self.fpn = fpn
        self.connector = connector
        self.fusion = fusion

    def forward(self, pixels: Tensor) -> Pyramid:
        """Pixels (B, 3, H, W), H and W multiples of 32, to P2..P6."""
        first, *later = self.looks()
        pyramid: Pyramid = self.fpn(first(pixels))
        for backbone in later:
            feedback = feedback_for(backbone.takes_feedback(), pyramid, self.connector)
            refined: Pyramid = self.fpn(backbone(pixels, feedback))
            pyramid = refined if self.fusion is None else self._blended(refined, pyramid)
        return pyramid

    def looks(self) -> list[ResNet]:
        """The backbone of each look."""
        backbones = list(self.backbones)
        return backbones * self.steps if len(backbones) == 1 else backbones

    def _blended(self, refined: Pyramid, pyramid: Pyramid) -> Pyramid:
        assert self.fusion is not None
        return [self.fusion.blend(new, old) for new, old in zip(refined, pyramid, strict=True)]


def feedback_for(takes: Sequence[bool], pyramid: Pyramid, connector: nn.Module) -> Feedback:
    """Feedback of each of the four stages from the pyramid, None for those without feedback."""
    return [
        connector(level) if takes_level else None
        for takes_level, level in zip(takes, pyramid[: len(takes)], strict=True)
    ]


@torch.no_grad()
def copy_first_look(features: nn.Module) -> None:
    """Copy the first backbone to every later one; their feedback projections are not changed."""
    if not isinstance(features, RecursiveFeaturePyramid):
        return
    first, *later = features.backbones
    for backbone in later:
        # The first look lacks only the feedback projections.
        backbone.load_state_dict(first.state_dict(), strict=False)
