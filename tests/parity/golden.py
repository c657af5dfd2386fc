"""Recorded numbers of the reference implementation, and comparisons at their tolerances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FOLDER = Path(__file__).parent / "golden"
RELATIVE, ABSOLUTE = 1e-5, 1e-6  # of the units: values were rounded to six decimals


def read(name: str) -> dict[str, Any]:
    """The recording called `name`."""
    recording: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return recording


def arrays(name: str) -> dict[str, NDArray[Any]]:
    """The recording called `name`, of those that are arrays."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as recording:
        return dict(recording)


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a reference state dict."""
    tensors = read(f"keys/{name}")["tensors"]
    return {key: tuple(shape) for key, shape in tensors.items()}


def assert_close(actual: Any, expected: Any, relative: float, absolute: float = 0.0) -> None:
    """Every number within ``relative * |expected| + absolute``."""
    values = actual.detach().numpy() if isinstance(actual, Tensor) else actual
    np.testing.assert_allclose(np.asarray(values), np.asarray(expected), relative, absolute)


def assert_unit(tensor: Tensor, record: dict[str, Any]) -> None:
    """Shape, sums, first and last entries of a unit's output."""
    assert set(record) == {"shape", "sum", "abssum", "first4", "last4"}
    flat = tensor.detach().double().flatten()
    assert list(tensor.shape) == record["shape"]
    # Sums over many rounded terms: the tolerance scales with what is summed, not with the sum.
    scale = RELATIVE * record["abssum"] + ABSOLUTE
    assert_close(flat.sum(), record["sum"], 0, scale)
    assert_close(flat.abs().sum(), record["abssum"], 0, scale)
    assert_close(flat[:4], record["first4"], RELATIVE, ABSOLUTE)
    assert_close(flat[-4:], record["last4"], RELATIVE, ABSOLUTE)


def assert_features(tensor: Tensor, record: dict[str, Any]) -> None:
    """Shape, means within 1e-4 and single values within 1e-3 of a network's feature."""
    assert set(record) == {"shape", "mean", "absmean", "std", "at"}
    assert list(tensor.shape) == record["shape"]
    flat = tensor.detach().double().flatten()
    # A mean is compared on the scale of what it averages: it may itself be close to zero.
    scale = 1e-4 * record["absmean"]
    assert_close(flat.mean(), record["mean"], 0, scale)
    assert_close(flat.abs().mean(), record["absmean"], 0, scale)
    assert_close(flat.std(), record["std"], 1e-4)
    where = torch.tensor([int(index) for index in record["at"]])
    assert_close(flat[where], list(record["at"].values()), 1e-3, 1e-3 * 0.01 * record["absmean"])
