"""Which fast ways there are on this machine, in words."""

from __future__ import annotations

import torch

from ...ops.cpu import onednn
from ...runtime.memory import keep_freed


def fast_ways() -> list[str]:
    """Lines about the fast ways of predictions on the CPU, and what is missing here."""
    products = onednn.is_available()
    return [
        "folded: weight standardisation, SAC kernels and batch norm are worked out beforehand;"
        " looks that begin alike begin once",
        "gathered: deformable convolutions and RoIAlign are sums of rows of channels-last maps",
        "packed: convolutions and products by oneDNN, ReLU and shortcut inside"
        if products
        else f"not packed: PyTorch {torch.__version__} has no oneDNN operators that relook knows",
        "memory: what is freed is kept for the next image, up to 1 GiB, in the whole process"
        if keep_freed()
        else "memory: handled as the system or the environment says",
    ]
