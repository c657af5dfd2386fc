"""ResNet and ResNeXt (https://arxiv.org/abs/1512.03385, https://arxiv.org/abs/1611.05431).

Two additions are for DetectoRS: the 3x3 convolution of each stage is chosen by the caller, and
later looks take feedback. Parameter names are torchvision's, so that its ImageNet weights fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from ...layers import AWSConv2d
from ...layers.initialise import constant_init, he_init
from ...layers.module_list import ModuleList
from ...structures.detection import Pyramid

Conv = Callable[..., nn.Conv2d]  # called like nn.Conv2d
Conv3x3 = Callable[[int, int, int], nn.Module]  # (channels, stride, groups) -> convolution
Norm = Callable[[int], nn.Module]  # channels -> normalisation
Feedback = list[Tensor | None]  # a map for each of the four stages
First3x3 = Callable[[int, int, int], nn.Module]  # (channels in, out, stride) -> convolution
FEEDBACK_STAGES = (False, True, True, True)


class Block(nn.Module):
    """Convolutions around a shortcut; `expansion` is the ratio of its channels to its width.

    With `feedback_channels` a projection of a feedback map is added just before the last ReLU;
    it starts at zero (DetectoRS, figure 3).
    """

    expansion: int
    downsample: nn.Module | None
    feedback: nn.Conv2d | None

    def _add_shortcut(
        self,
        channels: tuple[int, int],
        stride: int,
        *,
        conv: Conv,
        norm: Norm,
        project: bool,
        feedback_channels: int | None,
    ) -> None:
        """Make the projections of shortcut and feedback, for `channels` in and out."""
        self.downsample = self.feedback = None
        if project:
            self.downsample = nn.Sequential(
                conv(*channels, 1, stride, bias=False), norm(channels[1])
            )
        if feedback_channels is not None:
            self.feedback = nn.Conv2d(feedback_channels, channels[1], 1)
            constant_init(self.feedback)

    def branch(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to what is added to the shortcut."""
        raise NotImplementedError

    def layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """The convolutions of the branch in their order, each with its normalisation."""
        raise NotImplementedError

    def forward(self, x: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H', W'), the size of `feedback`."""
        out = self.branch(x)
        out = out + (x if self.downsample is None else self.downsample(x))
        if self.feedback is not None and feedback is not None:
            out = out + self.feedback(feedback)
        return out.relu()


class BasicBlock(Block):
    """Two 3x3 convolutions around a shortcut, of which the first has the stride (ResNet-18, -34).

    `conv3x3` makes the second convolution, and `first3x3` the first, which may widen the map.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        conv: Conv,
        first3x3: First3x3,
        conv3x3: Conv3x3,
        norm: Norm,
        project: bool,
        feedback_channels: int | None,
    ) -> None:
        super().__init__()
        self.conv1 = first3x3(in_channels, out_channels, stride)
        self.bn1 = norm(out_channels)
        self.conv2 = conv3x3(out_channels, 1, 1)
        self.bn2 = norm(out_channels)
        self._add_shortcut(
            (in_channels, out_channels),
            stride,
            conv=conv,
            norm=norm,
            project=project,
            feedback_channels=feedback_channels,
        )

    def branch(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to what is added to the shortcut."""
        out = self.bn1(self.conv1(x)).relu()
        result: Tensor = self.bn2(self.conv2(out))
        return result

    def layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """The convolutions of the branch in their order, each with its normalisation."""
        return [(self.conv1, self.bn1), (self.conv2, self.bn2)]


class Bottleneck(Block):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; `stride` is (of the first, of the 3x3)."""

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        stride: tuple[int, int],
        groups: int,
        *,
        conv: Conv,
        conv3x3: Conv3x3,
        norm: Norm,
        project: bool,
        feedback_channels: int | None,
    ) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, 1, stride[0], bias=False)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, stride[1], groups)
        self.bn2 = norm(width)
        self.conv3 = conv(width, out_channels, 1, bias=False)
        self.bn3 = norm(out_channels)
        self._add_shortcut(
            (in_channels, out_channels),
            stride[0] * stride[1],
            conv=conv,
            norm=norm,
            project=project,
            feedback_channels=feedback_channels,
        )

    def branch(self, x: Tensor) -> Tensor:
        """Map (B, C_in, H, W) to what is added to the shortcut."""
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        result: Tensor = self.bn3(self.conv3(out))
        return result

    def layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """The convolutions of the branch in their order, each with its normalisation."""
        return [(self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)]


class ResNet(nn.Module):
    """Backbone from pixels (B, C, H, W) to four maps of strides 4, 8, 16, 32.

    Args:
        blocks: Blocks in each of the four stages.
        conv3x3_per_stage: Factory of the 3x3 convolution of each stage; None is a plain one made
            by `conv`.
        conv: Factory of all other convolutions, the stem included.
        norm: Factory of each normalisation layer.
        basic: The blocks are of two 3x3 convolutions, not bottlenecks; then there are no groups.
        first3x3_per_stage: With `basic`, factory of the first convolution of the blocks of each
            stage, which may widen the map.
        width: Channels of the stem; stage i ends with ``width * 4 * 2**i`` channels, with `basic`
            with ``width * 2**i``.
        groups: Groups of the 3x3 convolutions.
        width_per_group: With `width` 64, channels of each group in the first stage.
        stride_first: The first 1x1 convolution halves the map, as in Caffe's ResNets, not the
            3x3.
        feedback_channels: Channels of the feedback maps, None for a backbone without feedback.
        feedback_stages: Stages whose first block accepts feedback.
        in_channels: Channels of the pixels.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        conv3x3_per_stage: Sequence[Conv3x3 | None],
        *,
        conv: Conv = nn.Conv2d,
        norm: Norm = nn.BatchNorm2d,
        basic: bool = False,
        first3x3_per_stage: Sequence[First3x3 | None] = (None,) * 4,
        width: int = 64,
        groups: int = 1,
        width_per_group: int = 64,
        stride_first: bool = False,
        feedback_channels: int | None = None,
        feedback_stages: Sequence[bool] = FEEDBACK_STAGES,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        expansion = BasicBlock.expansion if basic else Bottleneck.expansion
        in_width = width
        stages: list[ModuleList[Block]] = []
        for i, depth in enumerate(blocks):
            out_channels = width * 2**i * expansion
            plain = partial(_plain_conv3x3, conv)
            stage = ModuleList[Block]()
            for j in range(depth):
                first = j == 0
                step = 2 if first and i > 0 else 1
                shared: dict[str, Any] = {
                    "conv": conv,
                    "conv3x3": conv3x3_per_stage[i] or plain,
                    "norm": norm,
                    "project": first and (i > 0 or in_width != out_channels),
                    "feedback_channels": feedback_channels
                    if first and feedback_stages[i]
                    else None,
                }
                if basic:
                    entry = first3x3_per_stage[i] or partial(_plain_first3x3, conv)
                    stage.append(BasicBlock(in_width, out_channels, step, first3x3=entry, **shared))
                else:
                    inner = width * 2**i * width_per_group // 64 * groups
                    steps = (step, 1) if stride_first else (1, step)
                    stage.append(Bottleneck(in_width, inner, out_channels, steps, groups, **shared))
                in_width = out_channels
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.out_channels = tuple(width * 2**i * expansion for i in range(4))
        self._initialise()

    def forward(self, pixels: Tensor, feedback: Feedback | None = None) -> Pyramid:
        """Four maps; `feedback` are maps of their strides, None where a stage gets none."""
        x = self.maxpool(self.bn1(self.conv1(pixels)).relu())
        maps = []
        for stage, shown in zip(self._stages(), feedback or [None] * 4, strict=True):
            for j, block in enumerate(stage):
                x = block(x, shown if j == 0 else None)
            maps.append(x)
        return maps

    def takes_feedback(self) -> list[bool]:
        """Return for each of the four stages whether it takes feedback."""
        return [stage[0].feedback is not None for stage in self._stages()]

    def parts(self) -> list[list[nn.Module]]:
        """The stem and the four stages, in the order in which they may be frozen."""
        stem: list[nn.Module] = [self.conv1, self.bn1]
        stages: list[list[nn.Module]] = [[*stage] for stage in self._stages()]
        return [stem, *stages]

    def _stages(self) -> list[ModuleList[Block]]:
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    def _initialise(self) -> None:
        """Initialise the main path after He; switches, contexts, offsets stay at identity."""
        main_path: list[nn.Module] = [self.conv1]
        for block in (block for stage in self._stages() for block in stage):
            main_path += [kernel for kernel, _ in block.layers()]
            if isinstance(block.downsample, nn.Sequential):
                main_path.append(block.downsample[0])
        for layer in main_path:
            if isinstance(layer, nn.Conv2d):
                he_init(layer)
            if isinstance(layer, AWSConv2d):
                layer.reset_standardisation()


def _plain_first3x3(conv: Conv, channels: int, out_channels: int, stride: int) -> nn.Conv2d:
    return conv(channels, out_channels, 3, stride, padding=1, bias=False)


def _plain_conv3x3(conv: Conv, channels: int, stride: int, groups: int) -> nn.Conv2d:
    return conv(channels, channels, 3, stride, padding=1, groups=groups, bias=False)
