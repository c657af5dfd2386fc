"""How much is measured, and the requests that several groups share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .coordinator import Bench

SIZE = (800, 1344)  # of the network input


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; `quick` is for seeing that everything runs."""

    quick: bool
    svg: Path  # where the picture of the growth goes

    @property
    def models(self) -> tuple[str, ...]:
        """HTC, with RFP, with SAC, with both."""
        end = "tiny" if self.quick else "r50"
        return f"htc-{end}", f"htc-{end}-rfp", f"htc-{end}-sac", f"detectors-htc-{end}"

    @property
    def guided(self) -> tuple[str, ...]:
        """HTC, Fast DSC, DSC."""
        end = "tiny" if self.quick else "r50"
        return f"htc-{end}", f"fast-dsc-{end}", f"dsc-{end}"

    @property
    def size(self) -> tuple[int, int]:
        """Of the network input for `models`."""
        return (512, 512) if self.quick else SIZE


def detect_request(model: str, size: tuple[int, int]) -> dict[str, Any]:
    """One image of (height, width) `size` through `model`."""
    return {"case": "detect", "model": model, "height": size[0], "width": size[1]}


def make_weights(bench: Bench, model: str, size: tuple[int, int]) -> None:
    """Make the weights of `model` unless they are there."""
    if model not in bench.weights:
        height, width = size
        bench.weights[model] = bench.ask(
            "fast", "calibrate", model=model, height=height, width=width
        )


def shown(values: Sequence[float]) -> str:
    """The median of some seconds."""
    return f"{median(values):.2f} s"
