"""From a fresh installation to numbers and pictures in ten minutes, without internet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from relook.inference.predictor import Predictor
from relook.training.run_folder import create_run
from relook.training.settings import Overlay
from relook.training.start.source import Start
from relook.training.time_left import duration
from relook.weights.file import load_model
from relook.weights.shipped import shipped_file

from .datasets import find_data, part_of
from .mushrooms import adapt
from .nuclei import MAX_DETS, show_nuclei
from .plan import Plan, plan
from .speed import seconds_an_image
from .table import NOTE, TableRow, aligned
from .words import part, plan_lines, remarks

MODEL = "nuclei"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo ends with."""

    folder: Path
    plan: Plan  # as it was kept
    nuclei: list[TableRow]
    mushrooms: list[TableRow]
    validation: tuple[int, int]  # images that there are, of nuclei and of mushrooms
    seconds: float

    def table(self) -> str:
        """All numbers, with lines on what they mean and how long it took."""
        nuclei, mushrooms = self.validation
        images = "validation images of"
        groups = [
            (f"{part(self.plan.nuclei, nuclei)} {images} nuclei", self.nuclei),
            (f"{part(self.plan.mushrooms, mushrooms)} {images} mushrooms", self.mushrooms),
        ]
        took = f"It took {duration(self.seconds)} of {duration(60 * self.plan.minutes)}."
        said = remarks(self.plan, self.validation, self.mushrooms)
        return "\n".join([aligned(groups), NOTE, *said, took])


def run_demo(
    minutes: float,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    overlay: Overlay | None = None,
    clock: Callable[[], float] = time.monotonic,
    began: float | None = None,
) -> DemoResult:
    """Show the shipped model, then make one for mushrooms of it, within about `minutes`.

    The machine is measured first, and the minutes are divided by what it can do in them; they
    count from `began`, by default from now. `overlay` changes the settings of both trainings, as
    tests do to be quick.

    Raises:
        DataError: D01 when the images are not at hand.
        RelookError: What `train` raises.
    """
    start = clock() if began is None else began
    sets = [find_data(data, name) for name in ("nuclei", "mushrooms")]
    folder = create_run(out, "demo").path
    path = shipped_file(MODEL)
    shipped = Start(load_model(path), path)
    predictor = Predictor.of(shipped.saved)
    nuclei, mushrooms = (one.validation() for one in sets)
    console.print("Measuring this machine, on a few images.")
    speed = seconds_an_image(predictor, nuclei, max_dets=MAX_DETS, clock=clock)
    validation = len(nuclei.images), len(mushrooms.images)
    planned = plan(minutes, speed, nuclei=validation[0], mushrooms=validation[1])
    for line in plan_lines(planned, validation):
        console.print(line)
    chosen = part_of(nuclei, planned.nuclei)
    first = show_nuclei(predictor, chosen, planned.nuclei_pictures, folder, console)
    rows, kept = adapt(
        shipped,
        sets[1],
        planned,
        lambda: (clock() - start) / 60,
        folder,
        console,
        overlay or Overlay(),
    )
    return DemoResult(folder, kept, first, rows, validation, clock() - start)
