"""Small checkpoints under MMDetection's names: the reference's models at an eighth of the width."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_KEYS = Path(__file__).parents[1] / "parity" / "golden" / "keys"
_WIDTHS = {64, 128, 256, 512, 1024, 2048, 256 * 49}
Shapes = dict[str, tuple[int, ...]]


def full_shapes(name: str = "htc_r50") -> Shapes:
    """Names and shapes of a reference model."""
    tensors = json.loads((_KEYS / f"{name}.json").read_text())["tensors"]
    return {key: tuple(shape) for key, shape in tensors.items()}


def narrow_shapes(name: str = "htc_r50") -> Shapes:
    """The same, every width divided by eight."""
    return {
        key: tuple(n // 8 if n in _WIDTHS else n for n in shape)
        for key, shape in full_shapes(name).items()
    }


def narrow_state(name: str = "htc_r50") -> dict[str, Tensor]:
    """Tensors of these shapes, with numbers that a network can run on."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for key, shape in narrow_shapes(name).items():
        noise = torch.randn(shape, generator=generator)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        elif key.endswith("running_var") or (len(shape) == 1 and key.endswith("weight")):
            state[key] = 1 + 0.1 * noise.abs()
        else:
            state[key] = noise / math.sqrt(max(math.prod(shape[1:]), 1))
    return state


def save(path: Path, state: dict[str, Tensor], **meta: Any) -> Path:
    """A file as MMDetection writes it."""
    torch.save({"meta": meta, "state_dict": state}, path)
    return path
