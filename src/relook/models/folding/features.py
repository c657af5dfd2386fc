"""Feature extractors with constants computed in advance."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.aspp import ASPP
from ...layers.conv_norm import ConvNorm
from ...layers.module_list import ModuleList
from ...structures.detection import Pyramid
from ..backbones.resnet import BasicBlock, Block, Bottleneck, Feedback, ResNet
from ..pyramids.fpn import FPN
from ..pyramids.rfp import RecursiveFeaturePyramid, feedback_for
from .layers import FoldedConv2d, twin
from .units import folded_unit

Fold = Callable[[nn.Module], nn.Module]


class FoldedBlock(nn.Module):
    """A block of a ResNet; its shortcut and feedback are added inside of convolutions."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        super().__init__()
        units = [folded_unit(*layer, relu=True, dtype=dtype) for layer in block.layers()]
        self.units, self.last = nn.Sequential(*units[:-1]), units[-1]
        self.downsample: nn.Module | None = None
        if type(block.downsample) is nn.Sequential and len(block.downsample) == 2:
            self.downsample = folded_unit(*block.downsample, dtype=dtype)
        elif block.downsample is not None:
            self.downsample = twin(block.downsample)
        self.feedback: nn.Module | None = None
        if block.feedback is not None:
            self.feedback = folded_unit(block.feedback, dtype=dtype)

    def forward(self, x: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Map (B, C_in, H, W) to (B, C_out, H', W'), the size of `feedback`."""
        shortcut, own = x, False  # whether nothing else holds it
        if self.downsample is not None:
            shortcut, own = self.downsample(x), type(self.downsample) is FoldedConv2d
        if self.feedback is not None and feedback is not None:
            shortcut = self.feedback(feedback, shortcut, over=own)
            own = own or type(self.feedback) is FoldedConv2d
        out: Tensor = self.last(self.units(x), shortcut, over=own)
        return out


class FoldedResNet(nn.Module):
    """A ResNet in two parts: `begin` without feedback, and `finish`, which may take feedback."""

    def __init__(self, resnet: ResNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._takes = resnet.takes_feedback()
        self.stem = folded_unit(resnet.conv1, resnet.bn1, relu=True, dtype=dtype)
        self.maxpool = twin(resnet.maxpool)
        self.stages = ModuleList[ModuleList[nn.Module]](
            ModuleList[nn.Module](_folded_block(block, dtype) for block in stage)
            for stage in (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4)
        )

    def forward(self, pixels: Tensor, feedback: Feedback | None = None) -> Pyramid:
        """Four maps of pixels (B, 3, H, W); `feedback` are maps of their strides, if any."""
        return self.finish(self.begin(pixels), feedback)

    def takes_feedback(self) -> list[bool]:
        """Return for each of the four stages whether it takes feedback."""
        return self._takes

    def begin(self, pixels: Tensor) -> Tensor:
        """Run the layers before any feedback: the stem, and the first stage if it takes none."""
        x: Tensor = self.maxpool(self.stem(pixels.contiguous(memory_format=torch.channels_last)))
        if not self._takes[0]:
            for block in self.stages[0]:
                x = block(x, None)
        return x

    def finish(self, x: Tensor, feedback: Feedback | None = None) -> Pyramid:
        """All four maps, from the output of `begin`."""
        maps = [] if self._takes[0] else [x]
        for i in range(len(maps), len(self.stages)):
            for j, block in enumerate(self.stages[i]):
                x = block(x, feedback[i] if feedback is not None and j == 0 else None)
            maps.append(x)
        return maps


def _folded_block(block: Block, dtype: torch.dtype) -> nn.Module:
    return FoldedBlock(block, dtype) if type(block) in (BasicBlock, Bottleneck) else twin(block)


class FoldedFPN(nn.Module):
    """A feature pyramid network; the coarser level is added inside of the lateral convolutions."""

    def __init__(self, fpn: FPN, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.laterals, self.outputs = (
            nn.ModuleList(
                folded_unit(layer.conv, layer.norm, dtype=dtype)
                if type(layer) is ConvNorm
                else folded_unit(layer, dtype=dtype)
                for layer in layers
            )
            for layers in (fpn.laterals, fpn.outputs)
        )

    def forward(self, maps: Pyramid) -> Pyramid:
        """C2..C5 to P2..P6. The list `maps` is empty afterwards, so that they can be freed."""
        inner: Tensor | None = None
        pyramid: Pyramid = []
        for lateral, output in zip(reversed(self.laterals), reversed(self.outputs), strict=True):
            x = maps.pop()
            above = None if inner is None else F.interpolate(inner, size=x.shape[2:])
            inner = lateral(x, above, over=True)
            del x, above
            pyramid.insert(0, output(inner))
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, stride=2)]


class FoldedASPP(nn.Module):
    """Atrous spatial pyramid pooling."""

    def __init__(self, aspp: ASPP, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.views = nn.ModuleList(
            folded_unit(conv, relu=True, dtype=dtype) for conv in (aspp.local, aspp.near, aspp.far)
        )
        self.whole = twin(aspp.whole)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to a map of the same shape, without negative values."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).relu().expand(-1, -1, *x.shape[2:])
        return torch.cat([*(view(x) for view in self.views), whole], dim=1)


class FoldedRecursiveFeaturePyramid(nn.Module):
    """A recursive feature pyramid; layers that two looks have in common are computed once."""

    def __init__(
        self, pyramid: RecursiveFeaturePyramid, fold: Fold, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        looks = pyramid.looks()
        folded = {backbone: FoldedResNet(backbone, dtype) for backbone in pyramid.backbones}
        self.backbones = ModuleList[FoldedResNet](folded.values())
        self.looks = [list(folded).index(backbone) for backbone in looks]
        self.shares_beginning = [
            _have_equal_beginnings(looks[0], backbone) for backbone in looks[1:]
        ]
        self.fpn, self.connector = fold(pyramid.fpn), fold(pyramid.connector)
        self.fusion: nn.Module | None = None if pyramid.fusion is None else twin(pyramid.fusion)

    def forward(self, pixels: Tensor) -> Pyramid:
        """Pixels (B, 3, H, W) to P2..P6."""
        first, *later = (self.backbones[index] for index in self.looks)
        begun = first.begin(pixels)
        pyramid: Pyramid = self.fpn(first.finish(begun))
        for backbone, shared in zip(later, self.shares_beginning, strict=True):
            feedback = feedback_for(backbone.takes_feedback(), pyramid, self.connector)
            start = begun if shared else backbone.begin(pixels)
            refined: Pyramid = self.fpn(backbone.finish(start, feedback))
            pyramid = refined if self.fusion is None else self._blended(refined, pyramid)
        return pyramid

    def _blended(self, refined: Pyramid, pyramid: Pyramid) -> Pyramid:
        assert self.fusion is not None
        return [
            old.lerp(new, self.fusion(new).sigmoid().to(new.dtype))
            for new, old in zip(refined, pyramid, strict=True)
        ]


def _have_equal_beginnings(first: ResNet, second: ResNet) -> bool:
    """Return whether stem and first stage, which get no feedback, compute the same in both."""
    return all(
        str(a) == str(b) and _same_tensors(a, b)
        for parts in zip(first.parts()[:2], second.parts()[:2], strict=True)
        for a, b in zip(*parts, strict=True)
    )


def _same_tensors(a: nn.Module, b: nn.Module) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
