"""From a fresh installation to numbers and pictures in ten minutes, without internet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ..training.run_folder import create_run
from ..training.settings import Overlay
from ..training.start.source import Start
from ..weights.file import load_model
from ..weights.shipped import shipped_file
from .datasets import find_data
from .mushrooms import adapt
from .nuclei import show_nuclei
from .table import NOTE, TableRow, aligned

MODEL = "nuclei"
EVALUATIONS = 1.0  # minutes that evaluating the mushrooms takes in all, about
SHORTEST = 0.5  # of the minutes; what each training gets even where evaluating took long


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo ends with."""

    folder: Path
    nuclei: list[TableRow]
    mushrooms: list[TableRow]

    def table(self) -> str:
        """All numbers, with a line on what they mean."""
        groups = [
            (f"{group[0].metrics.num_images} validation images of {name}", group)
            for name, group in (("nuclei", self.nuclei), ("mushrooms", self.mushrooms))
        ]
        return f"{aligned(groups)}\n{NOTE}"


def run_demo(
    minutes: float,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    overlay: Overlay | None = None,
) -> DemoResult:
    """Show the shipped model, then make one for mushrooms of it, within about `minutes`.

    What is left of the minutes after the first part is divided between fine-tuning and training
    from scratch. `overlay` changes the settings of both, as tests do to be quick.

    Raises:
        DataError: D01 when the images are not at hand.
        RelookError: What `train` raises.
    """
    began = time.monotonic()
    nuclei, mushrooms = find_data(data, "nuclei"), find_data(data, "mushrooms")
    folder = create_run(out, "demo").path
    path = shipped_file(MODEL)
    shipped = Start(load_model(path), path)
    first = show_nuclei(shipped.saved, nuclei, folder, console)
    left = minutes - EVALUATIONS - (time.monotonic() - began) / 60
    each = max(left / 2, minutes * SHORTEST / 10)
    rows = adapt(shipped, mushrooms, each, folder, console, overlay or Overlay())
    return DemoResult(folder, first, rows)
