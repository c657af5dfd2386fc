"""Figures of single blocks: every convolution, sum and activation that ran, from the input on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.config.model import ModelConfig
from relook.layers.sac import SAConv2d
from relook.models.build.features import build_features
from relook.ops import deformable
from relook.ops.cpu import switch as fast

from .drawing import Drawn, by_layers, draw
from .tracing import Tracer, meta

_OPERATIONS = {
    "AddBackward0": "+",
    "MulBackward0": "×",
    "RsubBackward1": "1 −",
    "SigmoidBackward0": "σ",
    "ReluBackward0": "ReLU",
    "MeanBackward1": "mean",
    "CatBackward0": "join",
    "AvgPool2DBackward0": "5×5",
}


def _drawn(
    title: str,
    caption: str,
    watched: Mapping[str, nn.Module],
    given: Mapping[str, Tensor],
    run: Callable[[], Tensor],
    more: Callable[[Tracer], None] = lambda _: None,
) -> Drawn:
    """What ran between what is `given` and what `run` gives."""
    with Tracer(_OPERATIONS) as tracer, fast.plain():
        for name, module in watched.items():
            tracer.watch(module, name)
        more(tracer)
        for name, tensor in given.items():
            tracer.given(name, tensor)
        tracer.result("out", run())
    used = [node for node in tracer.nodes if node.kind != "input" or _feeds(tracer, node)]
    return Drawn(title, draw(title, by_layers(used)), caption)


def _feeds(tracer: Tracer, node: Any) -> bool:
    return any(node in other.sources for other in tracer.nodes)


def _features(config: ModelConfig) -> Any:
    with torch.device("meta"):
        return build_features(config.backbone, config.pyramid)


def stage_entry(config: ModelConfig) -> Drawn:
    """The first block of the second look that is shown features."""
    features = _features(config)
    look = features.looks()[1]
    takes = look.takes_feedback()
    stage = takes.index(True)
    block = look.parts()[stage + 1][0]
    shape = (1, look.out_channels[stage - 1], 200, 336)
    channels = block.feedback.in_channels
    x, shown = meta(*shape), meta(1, channels, 100, 168)
    watched = {"conv 1×1": block.conv1, "conv 3×3": block.conv2, "conv 1×1 ": block.conv3}
    watched |= {"norm": block.bn1, "norm ": block.bn2, "norm  ": block.bn3}
    watched |= {"shortcut": block.downsample, "feedback 1×1": block.feedback}
    stages = ", ".join(str(i) for i, takes_it in enumerate(takes, start=1) if takes_it)
    return _drawn(
        "Where features enter a stage",
        f"The first block of stage {stage + 1} in the second look. Stages that are shown features: "
        f"{stages}. The projection is added before the last ReLU.",
        watched,
        {"x": x, "R(f)": shown},
        lambda: block(x, shown),
    )


def fusion(config: ModelConfig) -> Drawn:
    """How a level of a look joins that of the look before."""
    module = _features(config).fusion
    new, old = (meta(1, module.in_channels, 100, 168) for _ in range(2))
    return _drawn(
        "Fusion",
        "One value of the gate for each position; all levels and looks share the convolution.",
        {"conv 1×1": module},
        {"new": new, "old": old},
        lambda: module.blend(new, old),
    )


def connector(config: ModelConfig) -> Drawn:
    """What a level goes through to be fed back."""
    module = _features(config).connector
    watched = {
        f"{one.kernel_size[0]}×{one.kernel_size[1]}, rate {one.dilation[0]}{' ' * i}": one
        for i, one in enumerate(module.children())
    }
    x = meta(1, next(module.children()).in_channels, 100, 168)
    return _drawn(
        "ASPP",
        "The connector: four branches of a quarter of the channels each, joined; what is global is "
        "the mean over the map.",
        watched,
        {"f": x},
        lambda: module(x),
    )


def _branch(given: Any) -> str:
    """The name of a 3x3 convolution of SAC by its rate; others have names of their own."""
    return f"conv, rate {given[5][0]}" if given[1].shape[-1] == 3 else ""


def sac_block(config: ModelConfig, channels: int = 16) -> Drawn:
    """One switchable atrous convolution with its contexts."""
    assert config.backbone.sac is not None
    options = config.backbone.sac.model_dump(exclude={"stages"})
    layer = SAConv2d(channels, **options).eval()
    x = torch.randn(1, channels, 24, 24)
    watched = {
        "pre-context": layer.pre_context,
        "post-context": layer.post_context,
        "switch S": layer.switch,
        "offsets": layer.offset_near,
        "offsets ": layer.offset_far,
    }

    def more(tracer: Tracer) -> None:
        tracer.watch_call(layer, "standardised", "standardise w")
        tracer.watch_call(deformable, "deform_conv2d", lambda g: f"bent, rate {g[6][0]}")
        if not options["deformable"]:
            tracer.watch_call(F, "conv2d", _branch)

    return _drawn(
        "The block of switchable atrous convolution",
        f"A layer of {channels} channels with the switches of the preset: both branches read the "
        "same map with its context added; the switch and the offsets read the mean of the "
        "neighbourhood. w + Δw is the lock; a bent branch samples at its offsets.",
        {name: module for name, module in watched.items() if module is not None},
        {"x": x, "Δw": layer.weight_diff},
        lambda: layer(x),
        more,
    )
