"""Convolutions by minimal filtering, beside direct ones in float64."""

from __future__ import annotations

import platform
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.cpu import winograd


def exact(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), padding=1)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_the_one_dimensional_filter_sums_three_neighbours() -> None:
    made = winograd.transforms()
    pixels, kernel = drawn(6).double(), drawn(3).double()
    sums = made.result @ ((made.kernel @ kernel) * (made.pixels @ pixels))
    expected = torch.stack([pixels[i : i + 3] @ kernel for i in range(4)])
    torch.testing.assert_close(sums, expected, rtol=1e-13, atol=1e-13)


@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    at_once=st.integers(1, 40),
    biased=st.booleans(),
    relu=st.booleans(),
)
def test_every_size_is_convolved(
    batch: int,
    height: int,
    width: int,
    channels: tuple[int, int],
    at_once: int,
    biased: bool,
    relu: bool,
) -> None:
    x = drawn(batch, channels[0], height, width)
    weight = drawn(channels[1], channels[0], 3, 3)
    bias = drawn(channels[1]) if biased else None
    expected = exact(x, weight, bias)
    expected = expected.relu() if relu else expected
    for least in (0, 10**9):  # pixels from which on maps are filtered: both ways
        with (
            patch.object(winograd, "_LEAST", least),
            patch.object(winograd, "_TILES", at_once),
            torch.inference_mode(),
        ):
            out = winograd.convolution(x, winograd.pack(weight), bias, relu=relu)
        assert out.is_contiguous(memory_format=torch.channels_last)
        assert out.shape == expected.shape
        torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_rounding_is_about_that_of_a_direct_convolution(order: torch.memory_format) -> None:
    x = drawn(1, 256, 40, 40).relu().contiguous(memory_format=order)
    weight, bias = drawn(64, 256, 3, 3) / 48, drawn(64)
    expected = exact(x, weight, bias)
    last = x.contiguous(memory_format=torch.channels_last)
    direct = (F.conv2d(last, weight, bias, padding=1) - expected).square().mean().sqrt()
    with torch.inference_mode():
        out = winograd.convolution(x, winograd.pack(weight), bias)
    own = (out - expected).square().mean().sqrt()
    assert own < 6 * max(float(direct), 1.5e-7)  # with the points 0, 1, -1, 2, -2 1.8e-6
    assert float((out - expected).abs().max() / expected.abs().max()) < 5e-6


def test_autocast_changes_nothing() -> None:
    x, weight = drawn(1, 8, 40, 40), winograd.pack(drawn(8, 8, 3, 3))
    with torch.inference_mode():
        expected = winograd.convolution(x, weight, None)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(winograd.convolution(x, weight, None), expected)


def test_the_matrices_may_be_used_with_gradients_after_a_prediction() -> None:
    winograd._matrices.cache_clear()
    x, weight = drawn(1, 4, 40, 40), drawn(4, 4, 3, 3)
    with torch.inference_mode():
        winograd.convolution(x, winograd.pack(weight), None)
    assert not winograd._matrices().pixels.is_inference()


@pytest.mark.parametrize(
    ("level", "mkl", "maker", "expected"),
    [
        ("AVX512", True, "vendor_id\t: GenuineIntel", True),
        ("AVX512", True, "vendor_id\t: AuthenticAMD", False),
        ("AVX2", True, "vendor_id\t: AuthenticAMD", True),
        ("AVX2", False, "vendor_id\t: GenuineIntel", False),
        ("DEFAULT", True, "vendor_id\t: GenuineIntel", False),
        ("SVE256", False, "", False),
    ],
)
def test_it_is_taken_where_products_are_fast(
    level: str, mkl: bool, maker: str, expected: bool
) -> None:
    weight = torch.empty(256, 256, 3, 3)
    with (
        patch.object(torch.backends.cpu, "get_cpu_capability", lambda: level),
        patch.object(torch.backends.mkl, "is_available", lambda: mkl),
        patch.object(winograd, "_maker", lambda: maker),
    ):
        winograd.has_fast_products.cache_clear()
        assert winograd.gains(weight) is expected
        assert not winograd.gains(weight[:128])
        assert not winograd.gains(torch.empty(1024, 1024, 1, 1))
    winograd.has_fast_products.cache_clear()


def test_the_maker_of_the_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> str:
        raise FileNotFoundError("/proc/cpuinfo")

    text = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert "GenuineIntel" in winograd._maker()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "processor\t: 0\n")
    assert winograd._maker() == ""
    monkeypatch.setattr(Path, "read_text", unreadable)
    monkeypatch.setattr(platform, "processor", lambda: "Intel64 Family 6, GenuineIntel")
    assert "GenuineIntel" in winograd._maker()
