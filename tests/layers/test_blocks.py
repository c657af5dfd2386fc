"""The small layers: ASPP, deformable convolution, normalisation, initialisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from relook.layers.aspp import ASPP
from relook.layers.deformable import DeformableConv2d
from relook.layers.initialise import (
    constant_init,
    he_init,
    he_init_incoming,
    normal_init,
    xavier_init,
)
from relook.layers.norm import FixedBatchNorm2d, group_norm


def test_aspp_keeps_the_shape_and_sees_the_whole_map() -> None:
    torch.manual_seed(0)
    aspp = ASPP(16)
    x = torch.rand(2, 16, 20, 24)
    out = aspp(x)
    assert out.shape == x.shape and (out >= 0).all()
    x[:, :, -1, -1] += 100  # far outside the reach of the dilated branches at (0, 0)
    changed = (aspp(x)[:, :, 0, 0] != out[:, :, 0, 0]).any(0)
    assert not changed[:12].any() and changed[12:].any()


def test_a_fresh_deformable_convolution_is_the_plain_one() -> None:
    for stride, groups in ((1, 1), (2, 1), (1, 4)):
        conv = DeformableConv2d(8, stride, groups)
        x = torch.randn(1, 8, 9, 10)
        plain = F.conv2d(x, conv.weight, None, stride, 1, 1, groups)
        torch.testing.assert_close(conv(x), plain, rtol=1e-4, atol=1e-5)


def test_fixed_batch_norm_ignores_the_batch_and_trains_its_scale() -> None:
    norm = FixedBatchNorm2d(4).train()
    norm.running_mean.fill_(2.0)
    x = torch.randn(2, 4, 5, 5, requires_grad=True)
    torch.testing.assert_close(norm(x), (x - 2) / (1 + norm.eps) ** 0.5)
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    norm(x).sum().backward()
    assert norm.weight.grad is not None
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())
    assert set(before) == set(nn.BatchNorm2d(4).state_dict())


def test_group_norm_divides_any_width() -> None:
    for channels in (4, 12, 16, 24, 36, 64, 256, 2048):
        norm = group_norm(channels)
        assert channels % norm.num_groups == 0 and norm.num_groups <= 32
    assert group_norm(2048).num_groups == 32


def test_initialisation_is_what_its_name_says() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, 3)
    he_init(conv)
    assert abs(conv.weight.std().item() / (2 / (128 * 9)) ** 0.5 - 1) < 0.02
    he_init_incoming(conv)
    assert abs(conv.weight.std().item() / (1 / (64 * 9)) ** 0.5 - 1) < 0.02
    xavier_init(conv)
    assert conv.weight.abs().max() <= (6 / (192 * 9)) ** 0.5
    normal_init(conv, 0.01)
    assert abs(conv.weight.std().item() / 0.01 - 1) < 0.02
    constant_init(conv, bias=1.0)
    assert not conv.weight.any() and (conv.bias == 1).all()
