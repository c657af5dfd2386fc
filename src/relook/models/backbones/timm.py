"""Networks of timm as backbones, with feedback and SAC."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from ...layers.convert import convert_to_sac
from ...structures.detection import Pyramid
from .resnet import Feedback

REDUCTIONS: Final = (4, 8, 16, 32)
_SHOWN: ContextVar[tuple[Tensor | None, ...]] = ContextVar("feedback of the running look")


class TimmBackbone(nn.Module):
    """A network of timm in the place of `PartsConfig.backbone`.

    It works for networks that timm gives as features and that have maps of strides 4, 8, 16 and
    32: ResNet, ConvNeXt, EfficientNet, Swin and their like. Features that are fed back are
    projected by a 1x1 convolution that starts at zero, and added to what a stage gives, so that
    the stages behind it see them (RFP, https://arxiv.org/abs/2006.02334; there they are added
    within the stage, which a network of another library has no place for).

    Args:
        feedback: Channels of what is fed back; None for a first look.
        stages: Four flags: the stages that take feedback.
        name: The network, as timm calls it.
        sac: Turn its 3x3 convolutions into switchable atrous ones, output unchanged.
        options: More arguments of ``timm.create_model``, ``pretrained`` for example.

    Raises:
        ImportError: without timm.
        ValueError: for a network without maps of these strides.
    """

    def __init__(
        self,
        feedback: int | None,
        stages: Sequence[bool],
        name: str,
        *,
        sac: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        try:
            import timm
        except ImportError:
            raise ImportError("timm is missing; pip install 'relook[timm]'") from None

        net: Any = timm.create_model(name, features_only=True, **options)
        strides = list(net.feature_info.reduction())
        if not set(REDUCTIONS) <= set(strides):
            raise ValueError(f"{name} has maps of strides {strides}, and 4, 8, 16, 32 are needed")
        # The last map of a stride is the richest.
        self.places = tuple(len(strides) - 1 - strides[::-1].index(one) for one in REDUCTIONS)
        channels = list(net.feature_info.channels())
        self.out_channels = tuple(channels[place] for place in self.places)
        self.is_channels_last = str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")
        names = net.feature_info.module_name()
        for number, place in enumerate(self.places):
            _module_of(net, names[place]).register_forward_hook(
                partial(_with_feedback, number, self.is_channels_last)
            )
        if sac:
            convert_to_sac(net)
        self.net = net
        self._takes = tuple(stages) if feedback is not None else (False,) * len(self.places)
        self.feedback = nn.ModuleList(
            nn.Conv2d(feedback, width, 1) if taken and feedback is not None else nn.Identity()
            for width, taken in zip(self.out_channels, self._takes, strict=True)
        )
        for project in self.feedback:
            if isinstance(project, nn.Conv2d):
                nn.init.zeros_(project.weight)
                assert project.bias is not None
                nn.init.zeros_(project.bias)

    def takes_feedback(self) -> Sequence[bool]:
        """Four flags: the stages that take feedback."""
        return self._takes

    def forward(self, pixels: Tensor, feedback: Feedback | None = None) -> Pyramid:
        """Pixels (B, 3, H, W), and four maps that are fed back or None, to four maps."""
        shown = tuple(
            None if one is None else project(one)
            for one, project in zip(feedback or [None] * 4, self.feedback, strict=True)
        )
        token = _SHOWN.set(shown)
        try:
            maps = self.net(pixels)
        finally:
            _SHOWN.reset(token)
        chosen = [maps[place] for place in self.places]
        if self.is_channels_last:
            chosen = [one.permute(0, 3, 1, 2).contiguous() for one in chosen]
        return chosen


def _module_of(net: nn.Module, name: str) -> nn.Module:
    """The module of a feature; timm flattens some names."""
    try:
        return net.get_submodule(name)
    except AttributeError:
        return net.get_submodule(name.replace(".", "_"))


def _with_feedback(
    number: int, is_channels_last: bool, _: nn.Module, __: Any, output: Tensor
) -> Tensor | None:
    """A forward hook: the output of a stage with what is fed back to it, None to leave it."""
    shown = _SHOWN.get()[number]
    if shown is None:
        return None
    return torch.add(output, shown.permute(0, 2, 3, 1) if is_channels_last else shown)
