"""Weights and inputs defined by formulas, so that nothing large has to travel with the tests.

The rules are those under which the reference implementation was recorded; key names here are
the reference's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shape = tuple[int, ...]


def tensor(shape: Shape, value: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Tensor:
    """Float32 tensor whose flat entry j is ``value(j)``, computed in float64."""
    flat = value(np.arange(math.prod(shape), dtype=np.float64))
    return torch.from_numpy(np.broadcast_to(flat, (math.prod(shape),)).astype(np.float32)).reshape(
        shape
    )


def hashed(count: int, index: int) -> NDArray[np.float64]:
    """`count` numbers in [-1, 1) that depend on `index`; 32-bit arithmetic, modulo 2**32."""
    h = np.arange(count, dtype=np.uint32)
    h *= np.uint32(2654435761)
    h += np.uint32((40503 * index + 12345) % 2**32)
    h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    h *= np.uint32(3266489917)
    h ^= h >> np.uint32(16)
    return h / 2.0**31 - 1.0


def weights(shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """A state dict for the reference's keys and shapes."""
    state = {}
    for index, key in enumerate(sorted(shapes)):
        shape = shapes[key]
        u = hashed(math.prod(shape), index)
        values = _rule(key, shape, u, shapes)
        dtype = np.int64 if key.endswith("num_batches_tracked") else np.float32
        state[key] = torch.from_numpy(values.astype(dtype)).reshape(shape)
    return state


def _rule(
    key: str, shape: Shape, u: NDArray[np.float64], shapes: Mapping[str, Shape]
) -> NDArray[np.float64]:
    *_, parent, last = key.split(".")
    fan = math.prod(shape[1:])
    match last:
        case "num_batches_tracked":
            return np.zeros_like(u)
        case "weight_gamma" | "weight_beta":
            sibling = shapes[key.rpartition(".")[0] + ".weight"]
            a = math.sqrt(2 / math.prod(sibling[1:]))
            return a * (1 + 0.1 * u) if last == "weight_gamma" else 0.02 * a * u
        case "running_mean":
            return 0.05 * u
        case "running_var":
            return 1 + 0.2 * u
        case "weight" if len(shape) == 1:
            return (0.3 if parent == "bn3" else 1) + 0.1 * u
        case "bias":
            return 0.02 * u + (0.7 if parent == "switch" else 0)
        case "weight_diff":
            return 0.2 * math.sqrt(2 / fan) * u
    helpers = {"switch", "pre_context", "post_context", "offset_s", "offset_l", "rfp_conv"}
    if parent in helpers:
        return 0.3 * u / math.sqrt(fan)
    if parent == "upsample":
        fan = shape[0]
    factor = {"fc_cls": 4.0, "fc_reg": 0.1, "rpn_reg": 0.1}.get(parent, 1.0)
    return factor * u * math.sqrt(3 / fan)


def pixels() -> Tensor:
    """The normalised input (1, 3, 128, 160) of the recordings."""
    y, x = np.mgrid[0:128, 0:160].astype(np.float64)
    channels = [
        np.sin(0.07 * x + 0.05 * y),
        np.cos(0.11 * x - 0.03 * y),
        np.sin(0.02 * x) * np.cos(0.09 * y),
    ]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]
