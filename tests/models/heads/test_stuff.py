"""The head of Panoptic FPN: its shape, and the same numbers as its description in single steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.heads.stuff import StuffHead
from relook.structures.detection import IGNORE, Target
from relook.structures.rules.pixels import StuffRule


def _pyramid(channels: int = 8) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, channels, 64 // 2**i, 96 // 2**i) for i in range(5)]


def _head(**changes: int) -> StuffHead:
    torch.manual_seed(1)
    return StuffHead(8, StuffRule(5, 16, **{"groups": 4, **changes}))


def test_each_level_is_brought_to_stride_4_in_steps_of_two_and_all_are_summed() -> None:
    head, pyramid = _head(), _pyramid()
    layers = [module for module in head.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in head.modules() if isinstance(module, nn.GroupNorm)]
    assert [layer.kernel_size for layer in layers] == [(3, 3)] * 7 + [(1, 1)]
    assert all(layer.bias is None for layer in layers[:-1])
    steps = iter(zip(layers, norms, strict=False))

    def unit(x: Tensor) -> Tensor:
        conv, norm = next(steps)
        return F.relu(norm(F.conv2d(x, conv.weight, padding=1)))

    def twice(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    total = unit(pyramid[0])
    total = total + twice(unit(pyramid[1]))
    total = total + twice(unit(twice(unit(pyramid[2]))))
    total = total + twice(unit(twice(unit(twice(unit(pyramid[3]))))))
    expected = F.conv2d(total, layers[-1].weight, layers[-1].bias)
    torch.testing.assert_close(head(pyramid), expected)
    assert head(pyramid).shape == (2, 5, 64, 96)


def test_the_coarsest_level_is_not_looked_at() -> None:
    head, pyramid = _head(), _pyramid()
    before = head(pyramid)
    pyramid[4] = pyramid[4] + 1
    assert torch.equal(head(pyramid), before)


def test_the_loss_reads_every_fourth_pixel_and_ignores_void() -> None:
    head = _head()
    semantic = torch.randint(0, 5, (120, 200), dtype=torch.uint8)
    semantic[:16] = IGNORE
    logits = torch.randn(1, 5, 32, 64)
    seen = torch.full((1, 32, 64), IGNORE)
    seen[0, :30, :50] = semantic[::4, ::4].long()
    target = Target(torch.zeros(0, 4), torch.zeros(0).long(), semantic=semantic)
    expected = F.cross_entropy(logits, seen, ignore_index=IGNORE)
    torch.testing.assert_close(head.loss(logits, [target]), 0.5 * expected)
    head.rule = replace(head.rule, average="all", loss_weight=1.0)
    over_all = expected * (seen != IGNORE).sum() / seen.numel()
    torch.testing.assert_close(head.loss(logits, [target]), over_all)


def test_the_preset_has_the_published_widths() -> None:
    with torch.device("meta"):
        stuff = build_detector(preset("detectors-panoptic-r50")).stuff
    assert stuff is not None
    assert stuff.logits.weight.shape == (54, 128, 1, 1)
    groups = {m.num_groups for m in stuff.modules() if isinstance(m, nn.GroupNorm)}
    assert groups == {32} and stuff.rule.loss_weight == 0.5


def test_groups_must_share_the_channels() -> None:
    with pytest.raises(ValueError, match="16 channels cannot be shared by 5 groups"):
        _head(groups=5)
