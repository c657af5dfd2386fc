"""Feature pyramid network (https://arxiv.org/abs/1612.03144)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import ConvNorm, conv_layer, kernel_of
from ...layers.initialise import xavier_init
from ...layers.module_list import ModuleList
from ...structures.detection import Pyramid
from ..backbones.resnet import ResNet

STRIDES = (4, 8, 16, 32, 64)


class FPN(nn.Module):
    """Module from four maps of growing stride to five of `channels`; the fifth is a subsample.

    `norm` makes the normalisation after each convolution, channels -> module, if there is one.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.laterals = ModuleList[nn.Conv2d | ConvNorm](
            conv_layer(c, channels, 1, norm) for c in in_channels
        )
        self.outputs = ModuleList[nn.Conv2d | ConvNorm](
            conv_layer(channels, channels, 3, norm) for _ in in_channels
        )
        for layer in (*self.laterals, *self.outputs):
            xavier_init(kernel_of(layer))

    def forward(self, maps: Pyramid) -> Pyramid:
        """C2..C5 to P2..P6."""
        inner = [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]
        for i in range(len(inner) - 1, 0, -1):
            inner[i - 1] = inner[i - 1] + F.interpolate(inner[i], size=inner[i - 1].shape[2:])
        pyramid = [output(x) for output, x in zip(self.outputs, inner, strict=True)]
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, stride=2)]


class FeaturePyramid(nn.Module):
    """A backbone followed by an FPN: one look at the image."""

    def __init__(self, backbone: ResNet, fpn: FPN) -> None:
        super().__init__()
        self.backbone = backbone
        self.fpn = fpn

    @property
    def backbones(self) -> tuple[ResNet, ...]:
        """The backbones in the order of the looks: here one."""
        return (self.backbone,)

    def forward(self, pixels: Tensor) -> Pyramid:
        """Pixels (B, 3, H, W) to P2..P6."""
        pyramid: Pyramid = self.fpn(self.backbone(pixels))
        return pyramid
