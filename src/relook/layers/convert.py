"""Conversion of a network's 3x3 convolutions to switchable atrous convolutions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from .sac import AWSConv2d, SAConv2d, same_padding

LEAST_CHANNELS: Final = 4
"""Channels from which a convolution is replaced: a SAC on the three of an image would hardly have a
context."""

Where = Callable[[str, nn.Conv2d], bool]


@dataclass(frozen=True, slots=True)
class Conversion:
    """Report of `convert_to_sac`, by module name."""

    converted: tuple[str, ...]
    left_alone: dict[str, str]  # name of each other 3x3 convolution -> why


def convert_to_sac(
    module: nn.Module,
    where: Where | None = None,
    *,
    example: Tensor | None = None,
    kernels: Collection[tuple[int, int]] = ((3, 3),),
    rate: int = 3,
    deformable: bool = True,
) -> Conversion:
    """Replace 3x3 convolutions of `module`, in place, with SAC that computes the same.

    The output of the network is unchanged until training moves the new parameters. Channels,
    stride, dilation, groups, bias and the mode of the padding are carried over. A convolution that
    has no equal SAC, or sees fewer than 4 channels, is left alone and listed with the reason.

    Args:
        module: Any network; torchvision's ResNets for instance.
        where: Called with name and convolution; False leaves that convolution alone.
        example: An input for `module`. With it, the network is run once to find maps under 3x3
            cells, for which SAC's reflection padding is impossible; without it, such a map raises
            an error in the forward pass.
        kernels: Sizes of the convolutions that are replaced, odd and above 1.
        rate: Dilation of the second branch, relative to the first.
        deformable: Whether the branches learn offsets of their sampling points.

    Returns:
        The names of the converted convolutions and of those left alone.
    """
    candidates = {
        name: layer
        for name, layer in module.named_modules(remove_duplicate=False)
        if isinstance(layer, nn.Conv2d)
        and layer.kernel_size in kernels
        and not _inside_sac(module, name)
        and (where is None or where(name, layer))
    }
    too_small = set() if example is None else _maps_under_3x3(module, candidates, example)
    converted, left_alone = [], {}
    replacements: dict[nn.Conv2d, SAConv2d] = {}
    for name, conv in candidates.items():
        reason = _obstacle(name, conv) or ("its map is under 3x3" if name in too_small else None)
        if reason is not None:
            left_alone[name] = reason
            continue
        if conv not in replacements:  # a module used at two places stays shared
            replacements[conv] = _as_sac(conv, rate, deformable)
        parent, _, child = name.rpartition(".")
        setattr(module.get_submodule(parent), child, replacements[conv])
        converted.append(name)
    return Conversion(tuple(converted), left_alone)


def _obstacle(name: str, conv: nn.Conv2d) -> str | None:
    if not name:
        return "it is the module itself, which cannot be replaced in place"
    if type(conv) not in (nn.Conv2d, AWSConv2d):
        return f"it is a {type(conv).__name__}, not a plain convolution"
    if conv.in_channels < LEAST_CHANNELS:
        return f"it sees {conv.in_channels} channels, the pixels of images and no features yet"
    if conv.kernel_size[0] % 2 == 0 or conv.kernel_size[1] % 2 == 0:
        return f"its kernel {conv.kernel_size} has even sides"
    if max(conv.kernel_size) == 1:
        return "its kernel of 1x1 has no dilation"
    same = same_padding(conv.kernel_size, conv.dilation)
    if conv.padding not in (same, "same"):
        return f"its padding {conv.padding} does not keep the size of the map, {same} would"
    return None


def _as_sac(conv: nn.Conv2d, rate: int, deformable: bool) -> SAConv2d:
    sac = SAConv2d(
        conv.in_channels,
        (conv.stride[0], conv.stride[1]),
        conv.groups,
        out_channels=conv.out_channels,
        kernel=(conv.kernel_size[0], conv.kernel_size[1]),
        padding_mode=conv.padding_mode,
        dilation=(conv.dilation[0], conv.dilation[1]),
        bias=conv.bias is not None,
        rate=rate,
        deformable=deformable,
    ).to(conv.weight)
    # A plain convolution's state has no standardisation constants: loading computes them.
    missing, unexpected = sac.load_state_dict(conv.state_dict(), strict=False)
    assert not unexpected and "weight" not in missing
    sac.weight.requires_grad_(conv.weight.requires_grad)
    return sac.train(conv.training)


def _inside_sac(module: nn.Module, name: str) -> bool:
    """Return whether `name` is a SAC or one of its helper convolutions."""
    parts = name.split(".")
    names = [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
    return any(isinstance(module.get_submodule(n), SAConv2d) for n in names)


@torch.no_grad()
def _maps_under_3x3(module: nn.Module, convs: dict[str, nn.Conv2d], example: Tensor) -> set[str]:
    small: set[str] = set()

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if min(inputs[0].shape[-2:]) < 3:
                small.add(name)

        return hook

    handles = [conv.register_forward_pre_hook(watch(name)) for name, conv in convs.items()]
    training = {m: m.training for m in module.modules()}
    try:
        module.eval()(example)
    finally:
        for handle in handles:
            handle.remove()
        for submodule, mode in training.items():
            submodule.training = mode
    return small
