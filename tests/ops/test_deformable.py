"""Deformable convolutions by gathered columns compute what torchvision's operator does."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from relook.layers.sac import SAConv2d
from relook.ops.cpu import onednn
from relook.ops.cpu import switch as fast
from relook.ops.deformable import Branch, deformable_convolution, mixed_convolution

Pair = tuple[int, int]
Inputs = dict[str, Tensor | None]

SHAPES = [(1, 8, 9, 12), (2, 8, 7, 5), (3, 8, 3, 3), (1, 8, 1, 1), (2, 16, 13, 4)]


def random_inputs(
    shape: tuple[int, int, int, int],
    *,
    groups: int = 1,
    stride: Pair = (1, 1),
    branches: int = 2,
    out_channels: int = 8,
    spread: float = 2.0,
    seed: int = 0,
) -> Inputs:
    """Leaves with gradients: the map, each branch's offsets and kernel, and the gates."""
    generator = torch.Generator().manual_seed(seed)
    batch, channels, height, width = shape
    out = (-(-height // stride[0]), -(-width // stride[1]))

    def random(*sizes: int) -> Tensor:
        return torch.randn(sizes, generator=generator)

    inputs: Inputs = {"x": random(*shape)}
    for i in range(branches):
        inputs[f"offset{i}"] = spread * random(batch, 18, *out)
        inputs[f"weight{i}"] = random(out_channels, channels // groups, 3, 3)
    inputs["gates"] = random(batch, branches, *out) if branches > 1 else None
    return inputs


def mixed(inputs: Inputs, stride: Pair = (1, 1), rates: tuple[Pair, ...] = ((1, 1), (3, 3))) -> Any:
    branches = [
        Branch(inputs[f"offset{i}"], inputs[f"weight{i}"], rate, rate)  # type: ignore[arg-type]
        for i, rate in enumerate(rates)
        if f"offset{i}" in inputs
    ]
    x = inputs["x"]
    assert x is not None
    return mixed_convolution(x, branches, inputs["gates"], stride)


def with_gradients(inputs: Inputs, dtype: torch.dtype, **place: Any) -> list[Tensor]:
    """The output, and the gradients of all inputs for a fixed random gradient of the output."""
    leaves = {
        name: value if value is None else value.detach().to(dtype).requires_grad_()
        for name, value in inputs.items()
    }
    out = mixed(leaves, **place)
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(9)).to(dtype)
    used = [leaf for leaf in leaves.values() if leaf is not None]
    return [out.detach(), *torch.autograd.grad(out, used, grad)]


def assert_same(found: list[Tensor], expected: list[Tensor], relative: float = 1e-4) -> None:
    """Every tensor within a share of its largest value."""
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = theirs.abs().max().item() if theirs.numel() else 0.0
        torch.testing.assert_close(
            ours, theirs, rtol=0, atol=relative * scale + 1e-7, check_dtype=False
        )


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("branches", [1, 2])
@pytest.mark.parametrize("packed", [True, False])
def test_values_and_gradients_are_those_of_torchvision_in_float64(
    groups: int, stride: Pair, branches: int, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not packed:
        monkeypatch.setattr(onednn, "is_available", lambda: False)
    inputs = random_inputs((2, 8, 9, 12), groups=groups, stride=stride, branches=branches)
    found = with_gradients(inputs, torch.float32, stride=stride)
    assert_same(found, with_gradients(inputs, torch.float64, stride=stride))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rates", [((1, 1), (3, 3)), ((2, 2), (6, 6)), ((1, 2), (3, 6))])
def test_sizes_and_dilations(
    shape: tuple[int, int, int, int], rates: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    inputs = random_inputs(shape)
    found = with_gradients(inputs, torch.float32, rates=rates)
    assert_same(found, with_gradients(inputs, torch.float64, rates=rates))


@pytest.mark.parametrize("out_channels", [4, 24])
def test_input_and_output_may_differ_in_channels(out_channels: int) -> None:
    inputs = random_inputs((2, 8, 6, 7), groups=2, out_channels=out_channels)
    found = with_gradients(inputs, torch.float32)
    assert_same(found, with_gradients(inputs, torch.float64))


@pytest.mark.parametrize("spread", [30.0, 1e4, 1e9])
def test_offsets_far_outside(spread: float) -> None:
    inputs = random_inputs((2, 8, 7, 9), spread=spread)
    found = with_gradients(inputs, torch.float32)
    assert_same(found, with_gradients(inputs, torch.float64))


def test_samples_on_whole_pixels_and_on_all_edges() -> None:
    """There the gradients of the offsets jump, and a network at its start is there everywhere."""
    inputs = random_inputs((2, 8, 6, 7))
    for name in ("offset0", "offset1"):
        offset = inputs[name]
        assert offset is not None
        inputs[name] = (1.5 * offset).round()
    assert_same(with_gradients(inputs, torch.float32), with_gradients(inputs, torch.float64))
    zero = {k: v if v is None or "offset" not in k else v * 0 for k, v in inputs.items()}
    assert_same(with_gradients(zero, torch.float32), with_gradients(zero, torch.float64))


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 3.4e38, float("nan")])
def test_offsets_that_are_no_places(value: float) -> None:
    inputs = random_inputs((1, 8, 5, 6), branches=1)
    clean = mixed(inputs)
    offset = inputs["offset0"]
    assert offset is not None
    offset[0, 4, 2, 3] = value
    found = mixed(inputs)
    assert found[0, :, 2, 3].isnan().all() == (value != value)
    found[0, :, 2, 3] = clean[0, :, 2, 3]
    torch.testing.assert_close(found, clean)
    of_kernel = with_gradients(inputs, torch.float32)[3]
    assert of_kernel.isnan().any() == (value != value)


@pytest.mark.parametrize(
    "arranged",
    [
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: torch.stack([x, x], dim=-1)[..., 0],
        lambda x: torch.cat([x, x], dim=1)[:, : x.shape[1]],
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: torch.nn.functional.pad(x, (1, 1, 1, 1))[:, :, 1:-1, 1:-1],
    ],
    ids=["channels-last", "every second", "first channels", "transposed", "window"],
)
def test_the_order_in_memory_does_not_matter(arranged: Any) -> None:
    inputs = random_inputs((2, 8, 6, 7), groups=2)
    moved = {k: arranged(v) if v is not None else None for k, v in inputs.items()}
    for name, value in moved.items():
        assert value is None or torch.equal(value, inputs[name] if value is not None else value)
    assert torch.equal(mixed(moved), mixed(inputs))
    found = [value.contiguous() for value in with_gradients(moved, torch.float32)]
    assert_same(found, with_gradients(inputs, torch.float32), relative=1e-6)


def test_a_gradient_that_is_one_number_expanded_passes() -> None:
    inputs = random_inputs((1, 8, 5, 6))
    x = inputs["x"]
    assert x is not None
    leaf = x.clone().requires_grad_()
    found = torch.autograd.grad(mixed(inputs | {"x": leaf}).sum(), leaf)[0]
    expected = torch.autograd.grad(mixed(inputs | {"x": leaf}), leaf, torch.ones(1, 8, 5, 6))[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("wanted", ["x", "offset1", "weight0", "gates"])
def test_one_gradient_alone(wanted: str) -> None:
    inputs = random_inputs((1, 8, 5, 6))
    everything = dict(zip(inputs, with_gradients(inputs, torch.float32)[1:], strict=False))
    names = ["x", "offset0", "weight0", "offset1", "weight1", "gates"]
    assert list(everything) == names
    value = inputs[wanted]
    assert value is not None
    leaf = value.clone().requires_grad_()
    out = mixed(inputs | {wanted: leaf})
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(torch.autograd.grad(out, leaf, grad)[0], everything[wanted])


def test_an_empty_batch_is_an_empty_map() -> None:
    inputs = random_inputs((0, 8, 5, 6))
    assert mixed(inputs).shape == (0, 8, 5, 6)


def test_plain_is_torchvision_bit_for_bit() -> None:
    from torchvision.ops import deform_conv2d

    x, offset, weight = torch.randn(1, 4, 6, 6), torch.randn(1, 18, 6, 6), torch.randn(4, 4, 3, 3)
    expected = deform_conv2d(x, offset, weight, padding=1)
    with fast.plain():
        assert torch.equal(deformable_convolution(x, offset, weight), expected)
    quick = deformable_convolution(x, offset, weight)
    torch.testing.assert_close(quick, expected, rtol=1e-4, atol=1e-5)
    assert not torch.equal(quick, expected)  # it went another way


class _Layer(nn.Module):
    """A SAC layer off its initial state."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sac = SAConv2d(8, 2, 2)
        with torch.no_grad():
            for parameter in self.sac.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))

    def forward(self, x: Tensor) -> Any:
        return self.sac(x)


def test_export_takes_the_plain_operator_and_gives_the_same_numbers() -> None:
    layer, x = _Layer(), torch.randn(2, 8, 9, 11)
    exported = torch.export.export(layer, (x,), strict=False)
    called = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert sum("deform_conv2d" in name for name in called) == 2
    assert not any("embedding_bag" in name for name in called)
    torch.testing.assert_close(exported.module()(x), layer(x), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning"
)
def test_traced_it_is_the_plain_operator() -> None:
    layer, x = _Layer().requires_grad_(False), torch.randn(1, 8, 7, 7)
    traced = torch.jit.trace(layer, x)
    assert "deform_conv2d" in str(traced.inlined_graph)
    torch.testing.assert_close(traced(x), layer(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("size", [(3, 3), (9, 14)])
def test_a_sac_layer_learns_the_same(stride: int, groups: int, size: Pair) -> None:
    torch.manual_seed(0)
    sac = SAConv2d(8, stride, groups)
    with torch.no_grad():
        for parameter in sac.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    results = []
    for dtype in (torch.float32, torch.float64):
        x = torch.randn(2, 8, *size, generator=torch.Generator().manual_seed(1)).to(dtype)
        x.requires_grad_()
        sac.to(dtype)
        out = sac(x)
        grads = torch.autograd.grad(out.square().sum(), [x, *sac.parameters()])
        results.append([out.detach(), *grads])
    assert_same(*results, relative=2e-4)


def test_without_offsets_the_defaults_are_a_plain_convolution_of_the_same_size() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 2, 7, 6, generator=generator), torch.randn(3, 2, 3, 3)
    offset = torch.zeros(1, 18, 7, 6)
    expected = torch.nn.functional.conv2d(x, weight, padding=1)
    for found in (
        deformable_convolution(x, offset, weight),
        mixed_convolution(x, [Branch(offset, weight)], None),
    ):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("learns", [True, False])
def test_in_16_bits_it_computes_in_float32(plain: bool, learns: bool) -> None:
    """torchvision has no operator for them on a CPU; under autocast a layer trains all the same."""
    torch.manual_seed(0)
    sac, x = SAConv2d(8, 8), torch.randn(1, 8, 9, 11)
    wanted = sac(x)
    wanted.square().sum().backward()
    gradient = sac.weight.grad.clone()
    sac.zero_grad()
    with (
        torch.set_grad_enabled(learns),
        torch.autocast("cpu", torch.bfloat16),
        fast.plain() if plain else contextlib.nullcontext(),
    ):
        out = sac(x)
    torch.testing.assert_close(out.float(), wanted, rtol=0.05, atol=0.05)
    if learns:
        out.float().square().sum().backward()
        assert (sac.weight.grad - gradient).norm() < 0.05 * gradient.norm()
