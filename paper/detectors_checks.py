"""DetectoRS, computed again by plain loops."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from relook.layers.aspp import ASPP
from relook.layers.sac import AWSConv2d, SAConv2d
from relook.models.backbones.resnet import Bottleneck, ResNet
from relook.models.pyramids.fpn import FPN
from relook.models.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid

from . import loops
from .equation import numbers, random, shaken
from .loops import Map


def layer(module: Any, x: Map, **options: Any) -> Map:
    """A plain convolution of relook with its own kernel, by loops."""
    return loops.conv(x, numbers(module.weight), numbers(module.bias), **options)


def pyramid(fpn: FPN, maps: list[Map]) -> list[Map]:
    """An FPN by loops: P2 to P6."""
    inner = [layer(one, x) for one, x in zip(fpn.laterals, maps, strict=True)]
    for i in range(len(inner) - 1, 0, -1):
        rows, columns = len(inner[i - 1][0]), len(inner[i - 1][0][0])
        coarse = inner[i]
        doubled = [
            [
                [
                    plane[y * len(plane) // rows][x * len(plane[0]) // columns]
                    for x in range(columns)
                ]
                for y in range(rows)
            ]
            for plane in coarse
        ]
        inner[i - 1] = loops.plus(inner[i - 1], doubled)
    outs = [layer(one, x, padding=1) for one, x in zip(fpn.outputs, inner, strict=True)]
    return [*outs, [[row[::2] for row in plane[::2]] for plane in outs[-1]]]


def fpn() -> float:
    """Four maps of two channels."""
    net = shaken(FPN((2, 3, 2, 1), 2))
    maps = [random(1, c, s, s + s // 2) for c, s in zip((2, 3, 2, 1), (16, 8, 4, 2), strict=True)]
    ours = [numbers(level[0]) for level in net(maps)]
    return loops.difference(ours, pyramid(net, [numbers(x[0]) for x in maps]))


def _look() -> Any:
    return ResNet((1, 1, 1, 1), [_conv3x3] * 4, width=4, feedback_channels=4)


def _conv3x3(channels: int, stride: int, groups: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, stride, 1, groups=groups, bias=False)


def recursion() -> float:
    """Three looks with blocks taken as they are: the order of steps is what is checked.

    Stages, FPN, connector and fusion are called one by one as the unrolled equation says; each of
    them is checked by loops of its own.
    """
    looks = [shaken(_look(), 0.2) for _ in range(3)]
    net = shaken(
        RecursiveFeaturePyramid(looks, FPN(looks[0].out_channels, 4), ASPP(4), GatedFusion(4)), 0.2
    )
    pixels = random(1, 3, 64, 96)
    f: list[Tensor] = []
    for t, look in enumerate(looks):
        x = look.maxpool(look.bn1(look.conv1(pixels)).relu())
        maps = []
        for i, stage in enumerate((look.layer1, look.layer2, look.layer3, look.layer4)):
            shown = net.connector(f[i]) if t > 0 and i > 0 else None
            for j, block in enumerate(stage):
                x = block(x, shown if j == 0 else None)
            maps.append(x)
        new = net.fpn(maps)
        f = new if t == 0 else [net.fusion.blend(a, b) for a, b in zip(new, f, strict=True)]
    return max(float((a - b).abs().max()) for a, b in zip(net(pixels), f, strict=True))


def fusion() -> float:
    """One level of three channels."""
    net = shaken(GatedFusion(3))
    new, old = random(1, 3, 4, 5), random(1, 3, 4, 5)
    gate = layer(net, numbers(new[0]))
    theirs = [
        loops.cellwise(
            lambda g, a, b: loops.sigmoid(g) * a + (1 - loops.sigmoid(g)) * b, gate, [a], [b]
        )[0]
        for a, b in zip(numbers(new[0]), numbers(old[0]), strict=True)
    ]
    return loops.difference(numbers(net.blend(new, old)[0]), theirs)


def aspp() -> float:
    """Eight channels on a map that is larger than the reach of the third branch."""
    net = shaken(ASPP(8))
    x = random(1, 8, 13, 9)
    plain = numbers(x[0])
    whole = layer(net.whole, [[[loops.mean(plane)]] for plane in plain])
    spread = [[[plane[0][0]] * len(plain[0][0]) for _ in plain[0]] for plane in whole]
    theirs = [
        *layer(net.local, plain),
        *layer(net.near, plain, padding=3, dilation=3),
        *layer(net.far, plain, padding=6, dilation=6),
        *spread,
    ]
    return loops.difference(numbers(net(x)[0]), loops.relu(theirs))


def normalised(norm: Any, x: Map) -> Map:
    """A batch norm in evaluation mode, by loops."""
    constants = zip(
        x, *(numbers(v) for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias)),
        strict=True,
    )  # fmt: skip
    return [
        [[(v - mean) / math.sqrt(var + norm.eps) * scale + shift for v in row] for row in plane]
        for plane, mean, var, scale, shift in constants
    ]


def feedback() -> float:
    """A block of stride 2 that is shown a map."""
    block = shaken(
        Bottleneck(
            3, 2, 4, (1, 2), 1,
            conv=nn.Conv2d, conv3x3=_conv3x3, norm=nn.BatchNorm2d, project=True,
            feedback_channels=3,
        )
    )  # fmt: skip
    x, shown = random(1, 3, 6, 8), random(1, 3, 3, 4)
    plain = numbers(x[0])
    out = loops.relu(normalised(block.bn1, layer(block.conv1, plain)))
    out = loops.relu(normalised(block.bn2, layer(block.conv2, out, stride=2, padding=1)))
    out = normalised(block.bn3, layer(block.conv3, out))
    shortcut = normalised(block.downsample[1], layer(block.downsample[0], plain, stride=2))
    joined = loops.plus(out, shortcut, layer(block.feedback, numbers(shown[0])))
    return loops.difference(numbers(block(x, shown)[0]), loops.relu(joined))


def standardised(net: Any) -> list[Map]:
    """The effective kernel of a convolution with standardised weights, by loops."""
    kernels = []
    for kernel, gamma, beta in zip(
        numbers(net.weight), numbers(net.weight_gamma), numbers(net.weight_beta), strict=True
    ):
        values = [v for plane in kernel for row in plane for v in row]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
        scale, shift = gamma[0][0][0] / math.sqrt(variance + 1e-5), beta[0][0][0]
        kernels.append(
            [[[(v - mean) * scale + shift for v in row] for row in plane] for plane in kernel]
        )
    return kernels


def weights() -> float:
    """A 3x3 convolution with constants that are not its kernel's own."""
    net = shaken(AWSConv2d(3, 2, 3, padding=1, bias=False))
    x = random(1, 3, 5, 6)
    theirs = loops.conv(numbers(x[0]), standardised(net), padding=1)
    return loops.difference(numbers(net(x)[0]), theirs)


def _neighbourhood(x: Map) -> Map:
    """The mean of 5x5 cells around each, mirrored at the border."""
    near = range(-2, 3)
    return [
        [
            [
                sum(loops.reflected(plane, y + a, z + b) for a in near for b in near) / 25
                for z in range(len(plane[0]))
            ]
            for y in range(len(plane))
        ]
        for plane in x
    ]


def _with_context(x: Map, context: Any) -> Map:
    added = layer(context, [[[loops.mean(plane)]] for plane in x])
    return [
        [[value + more[0][0] for value in row] for row in plane]
        for plane, more in zip(x, added, strict=True)
    ]


def _sac(net: SAConv2d, plain: Map) -> Map:
    """The whole layer by loops."""
    stride, rate = net.stride[0], net.rate
    x = _with_context(plain, net.pre_context)
    pooled = _neighbourhood(x)
    switch = layer(net.switch, pooled, stride=stride)
    kernel = standardised(net)
    far = [
        loops.plus(one, change)
        for one, change in zip(kernel, numbers(net.weight_diff), strict=True)
    ]
    branches = []
    for weight, dilation, bend in ((kernel, 1, net.offset_near), (far, rate, net.offset_far)):
        offset = None if bend is None else layer(bend, pooled, stride=stride, padding=1)
        branches.append(
            loops.conv(x, weight, stride=stride, padding=dilation, dilation=dilation, offset=offset)
        )
    mixed = [
        loops.cellwise(lambda s, a, b: s * a + (1 - s) * b, switch, [a], [b])[0]
        for a, b in zip(*branches, strict=True)
    ]
    return _with_context(mixed, net.post_context)


def _sac_differs(**options: Any) -> float:
    net = shaken(SAConv2d(2, **options))
    x = random(1, 2, 7, 6)
    return loops.difference(numbers(net(x)[0]), _sac(net, numbers(x[0])))


def sac() -> float:
    """Rates 2 and 3, strides 1 and 2, sampling on the grid."""
    variants = [(rate, stride) for rate in (2, 3) for stride in (1, 2)]
    return max(_sac_differs(rate=r, stride=s, deformable=False) for r, s in variants)


def deformable() -> float:
    """Both branches bent by their own offsets, at strides 1 and 2."""
    return max(_sac_differs(stride=stride) for stride in (1, 2))


def switch() -> float:
    """S alone."""
    net = shaken(SAConv2d(2, deformable=False))
    x = random(1, 2, 6, 5)
    heard: list[torch.Tensor] = []
    net.switch.register_forward_hook(lambda _, __, out: heard.append(out[0]))
    net(x)
    theirs = layer(net.switch, _neighbourhood(_with_context(numbers(x[0]), net.pre_context)))
    return loops.difference(numbers(heard[0]), theirs)
