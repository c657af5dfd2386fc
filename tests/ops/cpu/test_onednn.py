"""oneDNN's operators, called as PyTorch's compiler calls them, against the public ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from relook.ops.cpu import onednn

available = pytest.mark.skipif(
    not onednn.is_available(), reason="this PyTorch has no such operators"
)


@pytest.fixture
def asked_anew() -> Iterator[None]:
    onednn.is_available.cache_clear()
    yield
    onednn.is_available.cache_clear()


def test_the_tested_versions_of_pytorch_have_them() -> None:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch without oneDNN")
    assert onednn.is_available()


@available
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 17])
def test_product(packed: bool, bias: bool, rows: int) -> None:
    x, weight = torch.randn(rows, 11), torch.randn(7, 11)
    shift = torch.randn(7) if bias else None
    used = onednn.pack_product(weight) if packed else weight
    expected = F.linear(x, weight, shift)
    torch.testing.assert_close(onednn.product(x, used, shift), expected, rtol=1e-4, atol=1e-5)


ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "channels-last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "every second": lambda x: torch.stack([x, x], dim=-1)[..., 0],
    "window": lambda x: F.pad(x, (1, 1, 1, 1))[:, :, 1:-1, 1:-1],
}


@available
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize(
    "place",
    [
        ((1, 1), (1, 1), (1, 1), 1),
        ((2, 2), (1, 1), (1, 1), 4),
        ((1, 2), (3, 2), (3, 2), 8),
        ((2, 1), (0, 1), (1, 1), 2),
    ],
)
def test_convolution(order: str, relu: bool, adds: bool, place: Any) -> None:
    torch.manual_seed(0)
    x, bias = ORDERS[order](torch.randn(2, 8, 7, 9)), torch.randn(16)
    weight = torch.randn(16, 8 // place[3], 3, 3)
    expected = F.conv2d(x, weight, bias, *place)
    add = ORDERS[order](torch.randn(expected.shape)) if adds else None
    before = [tensor.clone() for tensor in (x, add) if tensor is not None]
    packed = onednn.pack_convolution(weight, *place)
    found = onednn.convolution(x, packed, bias, *place, relu=relu, add=add)
    expected = expected if add is None else expected + add
    expected = expected.relu() if relu else expected
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    after = [tensor for tensor in (x, add) if tensor is not None]
    assert all(map(torch.equal, before, after))  # nothing is written to


@available
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 1)])
@pytest.mark.parametrize("relu", [True, False])
def test_adding_to_maps_of_few_pixels(size: tuple[int, int], relu: bool) -> None:
    place: Any = ((1, 1), (0, 0), (1, 1), 1)
    for channels in (1, 8):
        x, weight = torch.randn(2, 4, *size), torch.randn(channels, 4, 1, 1)
        add = torch.randn(2, channels, *size)
        packed = onednn.pack_convolution(weight, *place)
        expected = F.conv2d(x, weight) + add
        found = onednn.convolution(x, packed, None, *place, relu=relu, add=add)
        torch.testing.assert_close(found, expected.relu() if relu else expected)


@available
def test_an_empty_batch() -> None:
    place: Any = ((1, 1), (1, 1), (1, 1), 1)
    packed = onednn.pack_convolution(torch.randn(6, 4, 3, 3), *place)
    out = onednn.convolution(torch.empty(0, 4, 5, 5), packed, None, *place, relu=True)
    assert out.shape == (0, 6, 5, 5)
    again = onednn.convolution(torch.empty(0, 4, 5, 5), packed, None, *place, add=out)
    assert again.shape == (0, 6, 5, 5)


class _Operators:
    """Stands in for operators of another version: each raises `error`, or is wrong."""

    def __init__(self, error: type[Exception] | None) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        if self.error is AttributeError:
            raise AttributeError(name)
        if self.error is not None:
            return self._fails
        real = getattr(torch.ops.mkldnn, name)
        return real if "reorder" in name else lambda *given: real(*given) * 1.01

    def _fails(self, *_: Any) -> Tensor:
        assert self.error is not None
        raise self.error("no such signature")


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize("error", [AttributeError, RuntimeError, TypeError])
def test_missing_or_changed_operators_are_not_used(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onednn, "_ops", _Operators(error))
    assert not onednn.is_available()


@available
@pytest.mark.usefixtures("asked_anew")
def test_wrong_operators_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(onednn, "_ops", _Operators(None))
        onednn.is_available.cache_clear()
        assert not onednn.is_available()
    onednn.is_available.cache_clear()
    assert onednn.is_available()


@pytest.mark.usefixtures("asked_anew")
def test_without_onednn_they_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not onednn.is_available()


def test_it_is_found_under_autocast_too() -> None:
    expected = onednn.is_available()
    onednn.is_available.cache_clear()
    with torch.autocast("cpu", torch.bfloat16):
        assert onednn.is_available() == expected
