"""ResNet and ResNeXt (https://arxiv.org/abs/1512.03385, https://arxiv.org/abs/1611.05431).

Two additions are for DetectoRS: the 3x3 convolution of each stage is chosen by the caller, and
later looks take feedback. Parameter names are torchvision's, so that its ImageNet weights fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from ...layers import AWSConv2d
from ...layers.initialise import constant_init, he_init
from ...layers.module_list import ModuleList
from ...structures.detection import Pyramid

Conv = Callable[..., nn.Conv2d]  # called like nn.Conv2d
Conv3x3 = Callable[[int, int, int], nn.Module]  # (channels, stride, groups) -> convolution
Norm = Callable[[int], nn.Module]  # channels -> normalisation
Feedback = list[Tensor | None]  # a map for each of the four stages
EXPANSION = 4
FEEDBACK_STAGES = (False, True, True, True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; `stride` is (of the first, of the 3x3).

    With `feedback_channels` a projection of a feedback map is added just before the last ReLU;
    it starts at zero (DetectoRS, figure 3).
    """

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
        self.downsample: nn.Module | None = None
        if project:
            self.downsample = nn.Sequential(
                conv(in_channels, out_channels, 1, stride[0] * stride[1], bias=False),
                norm(out_channels),
            )
        self.feedback: nn.Conv2d | None = None
        if feedback_channels is not None:
            self.feedback = nn.Conv2d(feedback_channels, out_channels, 1)
            constant_init(self.feedback)

    def forward(self, x: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H', W'), the size of `feedback`."""
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        out = self.bn3(self.conv3(out))
        out = out + (x if self.downsample is None else self.downsample(x))
        if self.feedback is not None and feedback is not None:
            out = out + self.feedback(feedback)
        result: Tensor = out.relu()
        return result


class ResNet(nn.Module):
    """Backbone from pixels (B, 3, H, W) to four maps of strides 4, 8, 16, 32.

    Args:
        blocks: Bottlenecks in each of the four stages.
        conv3x3_per_stage: Factory of the 3x3 convolution of each stage; None is a plain one made
            by `conv`.
        conv: Factory of all other convolutions, the stem included.
        norm: Factory of each normalisation layer.
        width: Channels of the stem; stage i ends with ``width * 4 * 2**i`` channels.
        groups: Groups of the 3x3 convolutions.
        width_per_group: With `width` 64, channels of each group in the first stage.
        stride_first: The first 1x1 convolution halves the map, as in Caffe's ResNets, not the
            3x3.
        feedback_channels: Channels of the feedback maps, None for a backbone without feedback.
        feedback_stages: Stages whose first block accepts feedback.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        conv3x3_per_stage: Sequence[Conv3x3 | None],
        *,
        conv: Conv = nn.Conv2d,
        norm: Norm = nn.BatchNorm2d,
        width: int = 64,
        groups: int = 1,
        width_per_group: int = 64,
        stride_first: bool = False,
        feedback_channels: int | None = None,
        feedback_stages: Sequence[bool] = FEEDBACK_STAGES,
    ) -> None:
        super().__init__()
        self.conv1 = conv(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        in_channels = width
        stages: list[ModuleList[Bottleneck]] = []
        for i, (depth, conv3x3) in enumerate(zip(blocks, conv3x3_per_stage, strict=True)):
            out_channels = width * 2**i * EXPANSION
            stage = ModuleList[Bottleneck]()
            for j in range(depth):
                first = j == 0
                step = 2 if first and i > 0 else 1
                stage.append(
                    Bottleneck(
                        in_channels,
                        width * 2**i * width_per_group // 64 * groups,
                        out_channels,
                        (step, 1) if stride_first else (1, step),
                        groups,
                        conv=conv,
                        conv3x3=conv3x3 or partial(_plain_conv3x3, conv),
                        norm=norm,
                        project=first,
                        feedback_channels=(
                            feedback_channels if first and feedback_stages[i] else None
                        ),
                    )
                )
                in_channels = out_channels
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.out_channels = tuple(width * 2**i * EXPANSION for i in range(4))
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

    def _stages(self) -> list[ModuleList[Bottleneck]]:
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    def _initialise(self) -> None:
        """Initialise the main path after He; switches, contexts, offsets stay at identity."""
        main_path: list[nn.Module] = [self.conv1]
        for block in (block for stage in self._stages() for block in stage):
            main_path += [block.conv1, block.conv2, block.conv3]
            if isinstance(block.downsample, nn.Sequential):
                main_path.append(block.downsample[0])
        for layer in main_path:
            if isinstance(layer, nn.Conv2d):
                he_init(layer)
            if isinstance(layer, AWSConv2d):
                layer.reset_standardisation()


def _plain_conv3x3(conv: Conv, channels: int, stride: int, groups: int) -> nn.Conv2d:
    return conv(channels, channels, 3, stride, padding=1, groups=groups, bias=False)
