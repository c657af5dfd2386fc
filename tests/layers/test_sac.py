"""Weight standardisation and switchable atrous convolution."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from relook.errors import ModelError
from relook.layers import AWSConv2d, SAConv2d
from relook.layers.sac import neighbourhood_mean
from relook.ops.cpu import switch as fast


def test_a_fresh_standardised_convolution_is_the_plain_one() -> None:
    conv = AWSConv2d(4, 6, 3, padding=1, groups=2, bias=False)
    x = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, padding=1, groups=2))


def test_a_plain_file_sets_the_constants_and_a_full_file_keeps_them() -> None:
    plain = torch.nn.Conv2d(3, 5, 3, bias=False)
    conv = AWSConv2d(3, 5, 3, bias=False)
    conv.load_state_dict(plain.state_dict(), strict=True)  # nothing counts as missing
    torch.testing.assert_close(conv.standardised(), plain.weight, rtol=0, atol=1e-7)

    full = conv.state_dict() | {"weight_gamma": torch.full((5, 1, 1, 1), 0.5)}
    conv.load_state_dict(full)
    assert (conv.weight_gamma == 0.5).all()


def test_a_file_without_the_weight_is_still_reported() -> None:
    result = AWSConv2d(3, 5, 3).load_state_dict({}, strict=False)
    assert set(result.missing_keys) == {"weight", "bias"}


def test_the_constants_are_not_trained_and_the_gradient_passes_the_statistics() -> None:
    conv = AWSConv2d(3, 5, 3, bias=False)
    assert [name for name, _ in conv.named_parameters()] == ["weight"]
    x = torch.randn(1, 3, 9, 9)
    (conv(x) * torch.randn(1, 5, 7, 7)).sum().backward()
    assert conv.weight.grad is not None
    # A kernel's scale and shift are standardised away: the gradient is orthogonal to both.
    flat, grad = conv.weight.flatten(1), conv.weight.grad.flatten(1)
    assert grad.abs().max() > 1e-3
    torch.testing.assert_close(grad.sum(1), torch.zeros(5), rtol=0, atol=1e-3)
    centred = flat - flat.mean(1, keepdim=True)
    torch.testing.assert_close((centred * grad).sum(1), torch.zeros(5), rtol=0, atol=1e-2)


@pytest.mark.parametrize("deformable", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("rate", [2, 3])
def test_a_fresh_sac_is_the_plain_convolution(
    deformable: bool, stride: int, groups: int, rate: int
) -> None:
    sac = SAConv2d(8, stride, groups, rate=rate, deformable=deformable)
    x = torch.randn(2, 8, 11, 13)
    plain = F.conv2d(x, sac.weight, None, stride, 1, 1, groups)
    torch.testing.assert_close(sac(x), plain, rtol=1e-5, atol=1e-5)


def test_the_switch_mixes_the_two_rates() -> None:
    sac = SAConv2d(4, deformable=False, rate=3)
    with torch.no_grad():
        sac.weight_diff.normal_(std=0.1)
        sac.switch.bias.fill_(-0.5)  # linear and unbounded: a negative share is allowed
    x = torch.randn(1, 4, 9, 9)
    near = F.conv2d(x, sac.standardised(), padding=1)
    far = F.conv2d(x, sac.standardised() + sac.weight_diff, padding=3, dilation=3)
    torch.testing.assert_close(sac(x), -0.5 * near + 1.5 * far)


def test_contexts_are_means_over_the_map() -> None:
    sac = SAConv2d(4, deformable=False)
    with torch.no_grad():
        sac.pre_context.weight.normal_()
        sac.post_context.weight.normal_()
    x = torch.randn(1, 4, 9, 9)
    shifted = x + F.conv2d(x.mean((2, 3), keepdim=True), sac.pre_context.weight)
    out = F.conv2d(shifted, sac.standardised(), padding=1)
    expected = out + F.conv2d(out.mean((2, 3), keepdim=True), sac.post_context.weight)
    torch.testing.assert_close(sac(x), expected, rtol=1e-5, atol=1e-5)


def test_maps_under_3x3_are_refused_with_the_remedy() -> None:
    with pytest.raises(ModelError, match=r"2x5 cells.*96 pixels"):
        SAConv2d(4)(torch.zeros(1, 4, 2, 5))


@pytest.mark.parametrize("deformable", [False, True])
def test_half_precision_stays_close(deformable: bool) -> None:
    torch.manual_seed(0)
    sac = SAConv2d(16, deformable=deformable)
    with torch.no_grad():
        for parameter in sac.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    x = torch.randn(1, 16, 12, 12)
    exact = sac(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = sac(x)
    assert torch.isfinite(rough).all()
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.1)


@pytest.mark.parametrize("shape", [(1, 8, 3, 3), (2, 3, 5, 17)])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_mean_of_a_neighbourhood_is_the_mean_of_its_reflected_cells(
    shape: tuple[int, ...], order: torch.memory_format
) -> None:
    x = torch.randn(shape).to(memory_format=order)
    cells = F.pad(x, (2, 2, 2, 2), "reflect").unfold(2, 5, 1).unfold(3, 5, 1)
    for differentiable in (False, True):
        mean = neighbourhood_mean(x.requires_grad_(differentiable))
        torch.testing.assert_close(mean, cells.mean((4, 5)), rtol=0, atol=1e-6)
        with fast.plain():
            torch.testing.assert_close(neighbourhood_mean(x), mean, rtol=0, atol=1e-6)


SWITCHES = [
    {"context": False},
    {"locked": False},
    {"switch": "dual"},
    {"deformable": False},
    {"deformable": False, "context": False},
    {"deformable": False, "locked": False},
    {"deformable": False, "switch": "dual"},
]


@pytest.mark.parametrize("options", SWITCHES, ids=str)
@torch.no_grad()
def test_every_variant_starts_at_the_plain_convolution(options: dict[str, Any]) -> None:
    sac, x = SAConv2d(4, **options), torch.randn(2, 4, 9, 7)
    torch.testing.assert_close(sac(x), F.conv2d(x, sac.standardised(), padding=1))


@torch.no_grad()
def test_a_sigmoid_does_not() -> None:
    sac, x = SAConv2d(4, switch="sigmoid", deformable=False), torch.randn(2, 4, 9, 7)
    share = torch.tensor(1.0).sigmoid()
    near = F.conv2d(x, sac.standardised(), padding=1)
    far = F.conv2d(x, sac.standardised(), padding=3, dilation=3)
    torch.testing.assert_close(sac(x), share * near + (1 - share) * far)


def _by_hand(**options: Any) -> float:
    """The middle of a 7x7 map of ones with one channel, whose every number is chosen.

    The standardised kernel is 2 everywhere (its mean is taken off, so that is the constant
    ``weight_beta``), dw is 1 everywhere, and the switch gives 0.25, or 0.25 and 0.5. All 9 taps of
    rate 1 and of rate 3 lie inside at the middle: near is 18.
    """
    sac = SAConv2d(1, deformable=False, context=False, **options)
    sac.weight.zero_()
    sac.weight_gamma.zero_()
    sac.weight_beta.fill_(2.0)
    sac.weight_diff.fill_(1.0)
    sac.switch.weight.zero_()
    assert sac.switch.bias is not None
    sac.switch.bias[0] = 0.25
    if options.get("switch") == "dual":
        sac.switch.bias[1] = 0.5
    return float(sac(torch.ones(1, 1, 7, 7))[0, 0, 3, 3])


@torch.no_grad()
def test_locking_and_two_switches_by_hand() -> None:
    assert _by_hand() == pytest.approx(0.25 * 18 + 0.75 * 27)  # w + dw is 3 in 9 taps
    assert _by_hand(locked=False) == pytest.approx(0.25 * 18 + 0.75 * 9)  # dw alone is 1
    assert _by_hand(switch="dual") == pytest.approx(0.25 * 18 + 0.5 * 27)
    share = 1 / (1 + math.exp(-0.25))
    assert _by_hand(switch="sigmoid") == pytest.approx(share * 18 + (1 - share) * 27)


def test_variants_have_the_parameters_of_what_they_have() -> None:
    full = SAConv2d(8).state_dict()

    def removed(**options: Any) -> set[str]:
        return {
            name.split(".")[0] for name in full.keys() - SAConv2d(8, **options).state_dict().keys()
        }

    assert removed(context=False) == {"pre_context", "post_context"}
    assert removed(deformable=False) == {"offset_near", "offset_far"}
    assert removed(locked=False) == removed(switch="dual") == removed(switch="sigmoid") == set()
    assert SAConv2d(8, switch="dual").switch.out_channels == 2


@pytest.mark.parametrize("deformable", [False, True])
@pytest.mark.parametrize("kernel", [3, 5])
def test_branches_of_other_kernels_are_two_convolutions(kernel: int, deformable: bool) -> None:
    torch.manual_seed(0)
    sac = SAConv2d(4, 2, out_channels=6, kernel=kernel, deformable=deformable, context=False)
    torch.nn.init.normal_(sac.weight_diff)
    torch.nn.init.constant_(sac.switch.bias, 0.25)  # type: ignore[arg-type]
    x = torch.randn(1, 4, 13, 12)
    near = sac.standardised()
    half = kernel // 2
    first = F.conv2d(x, near, None, 2, half)
    second = F.conv2d(x, near + sac.weight_diff, None, 2, 3 * half, 3)
    torch.testing.assert_close(sac(x), 0.25 * first + 0.75 * second, rtol=1e-4, atol=1e-4)
    with fast.plain():
        torch.testing.assert_close(sac(x), 0.25 * first + 0.75 * second, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="even sides"):
        SAConv2d(4, kernel=4)
