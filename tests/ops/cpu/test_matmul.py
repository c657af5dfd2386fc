"""Products by oneDNN against `F.linear`."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from relook.ops.cpu import onednn
from relook.ops.cpu import switch as fast
from relook.ops.cpu.matmul import linear, product

LARGE = (120, 100, 90)  # rows, inputs, outputs: more multiply-adds than the least


def _inputs(rows: int, columns: int, outputs: int, *, bias: bool = True) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    shapes: list[tuple[int, ...]] = [(rows, columns), (outputs, columns), (outputs,)]
    tensors: list[Tensor | None] = [torch.randn(s, generator=generator) for s in shapes]
    return tensors if bias else [*tensors[:2], None]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the inputs that oneDNN was called with."""
    onednn.is_available()  # which calls it too, once
    seen: list[tuple[int, ...]] = []
    called = onednn.product

    def counted(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        seen.append(tuple(x.shape))
        return called(x, weight, bias)

    monkeypatch.setattr(onednn, "product", counted)
    return seen


@pytest.mark.skipif(not onednn.is_available(), reason="this PyTorch has no such operators")
def test_where_it_pays_the_product_is_onednns(calls: list[tuple[int, ...]]) -> None:
    x, weight, bias = _inputs(*LARGE)
    assert x is not None and weight is not None
    linear(x, weight, bias)
    assert calls == [(120, 100)]
    linear(x[:2], weight, bias)  # small
    linear(x[:0], weight, bias)  # empty
    linear(x.double(), weight.double())
    with fast.plain():
        linear(x, weight, bias)
    assert calls == [(120, 100)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_values_and_gradients_are_those_of_the_plain_layer(
    bias: bool, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        onednn, "is_available", lambda known=onednn.is_available: packed and known()
    )
    inputs = _inputs(*LARGE, bias=bias)
    results = []
    for dtype, call in ((torch.float32, linear), (torch.float64, F.linear)):
        leaves = [v if v is None else v.to(dtype).requires_grad_() for v in inputs]
        out = call(*leaves)  # type: ignore[arg-type]
        used = [leaf for leaf in leaves if leaf is not None]
        results.append([out.detach(), *torch.autograd.grad(out.square().sum(), used)])
    for ours, exact in zip(*results, strict=True):
        scale = exact.abs().max().item()
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_and_none(rows: int) -> None:
    x, weight, bias = _inputs(rows, 5, 4)
    assert x is not None and weight is not None
    leaf = x.requires_grad_()
    out = linear(leaf, weight, bias)
    torch.testing.assert_close(out, F.linear(x, weight, bias))
    out.sum().backward()
    assert leaf.grad is not None and leaf.grad.shape == (rows, 5)
    assert product(x.detach(), weight).shape == (rows, 4)


@pytest.mark.parametrize("frozen", ["x", "weight", "bias"])
def test_what_is_frozen_gets_no_gradient(frozen: str) -> None:
    names = ("x", "weight", "bias")
    leaves = dict(zip(names, _inputs(*LARGE), strict=True))
    for name, leaf in leaves.items():
        assert leaf is not None
        leaf.requires_grad_(name != frozen)
    linear(**leaves).sum().backward()  # type: ignore[arg-type]
    assert {name for name, leaf in leaves.items() if leaf is not None and leaf.grad is None} == {
        frozen
    }


def test_the_order_in_memory_does_not_matter() -> None:
    x, weight, bias = _inputs(*LARGE)
    assert x is not None and weight is not None
    expected = F.linear(x, weight, bias)
    for moved in (
        x.T.contiguous().T,
        torch.stack([x, x], -1)[..., 0],
        torch.cat([x, x], 1)[:, :100],
    ):
        assert not moved.is_contiguous()
        torch.testing.assert_close(linear(moved, weight, bias), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(product(moved, weight), expected - bias, rtol=1e-4, atol=1e-4)
    across = weight.T.contiguous().T
    torch.testing.assert_close(linear(x, across, bias), expected, rtol=1e-4, atol=1e-4)


def test_export_takes_the_plain_operator_and_gives_the_same_numbers() -> None:
    from relook.layers.linear import Linear

    layer, x = Linear(100, 90), torch.randn(120, 100)
    exported = torch.export.export(layer, (x,), strict=False)
    assert not any("mkldnn" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(x), layer(x), rtol=1e-4, atol=1e-4)
