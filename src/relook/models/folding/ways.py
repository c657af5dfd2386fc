"""Description of the fast operations on this machine."""

from __future__ import annotations

import torch

from ...ops.cpu import onednn, winograd
from ...runtime.memory import MOST_KEPT, keep_freed


def fast_ways() -> list[str]:
    """Lines about the fast operations of predictions on the CPU, and about missing ones."""
    products = onednn.is_available()
    return [
        "folded: weight standardisation, SAC kernels and batch norm are computed in advance;"
        " first layers that two looks share are computed once",
        "gathered: deformable convolutions and RoIAlign are sums of rows of channels-last maps",
        "packed: convolutions and products by oneDNN, ReLU and shortcut inside"
        + ("; wide 3x3 convolutions by minimal filtering" if winograd.has_fast_products() else "")
        if products
        else f"not packed: PyTorch {torch.__version__} lacks the oneDNN operators that relook uses",
        f"memory: of what an image has freed, {MOST_KEPT >> 20} MiB are kept for the next one"
        if keep_freed()
        else "memory: by the system's or the environment's settings",
    ]
