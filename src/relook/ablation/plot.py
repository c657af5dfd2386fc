"""Charts of an ablation as SVG: AP over time, gains, learning curves."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ..training.run_folder import RunFolder
from ..visualization.charts import Axes, Curve, Panel, panels
from .dials import DIALS, Group
from .interval_table import gain_over, kinds_of
from .table import RowResult

_LOSSES = 30  # points of a learning curve


def accuracy_over_time(rows: Sequence[RowResult]) -> str:
    """AP over milliseconds per image: one point per row, a bar from the worst to the best seed.

    AP of masks, or of boxes where no row has masks. Rows without an AP or a time are left out.
    """
    kind = "mask" if any(row.values("mask", "ap") for row in rows) else "box"
    curves = []
    for place, row in enumerate(rows):
        values = row.values(kind, "ap")
        if row.seconds is not None and values:
            middle = statistics.mean(values)
            point = (1000 * row.seconds, middle, min(values), max(values))
            curves.append(Curve(row.name, [point], look="names", place=place))
    axes = Axes("ms an image", up=f"{kind} AP", has_zero=False)
    return panels(f"{kind} AP over time", [Panel(curves, axes)]) + "\n"


def gains_over_dials(rows: Sequence[RowResult], groups: Sequence[Group]) -> str:
    """AP that each row gains over the first one, with intervals: one panel per dial."""
    kind = (kinds_of(rows) or ["mask"])[-1]
    drawn = []
    for dial, title in DIALS.items():
        chosen = [group for group in groups if group.dial == dial]
        curves = []
        for place, row in enumerate(rows[1:], start=1):
            gains = [(group.middle, gain_over(row, rows[0], kind, group.name)) for group in chosen]
            points = [(x, gain.value, gain.low, gain.high) for x, gain in gains if gain]
            curves.append(Curve(row.name, points, look="dots", place=place))
        drawn.append(Panel(curves, Axes(title, up=f"{kind} AP over {rows[0].name}")))
    return panels("What each row gains", drawn) + "\n"


def learning_curves(runs: Mapping[str, Sequence[RunFolder]]) -> str:
    """The training loss over steps, as the mean of each row's seeds."""
    curves = [
        Curve(row, _losses(folders), look="dots", place=place)
        for place, (row, folders) in enumerate(runs.items())
    ]
    axes = Axes("steps", up="loss of training", has_zero=False)
    return panels("Learning curves", [Panel(curves, axes)]) + "\n"


def _losses(folders: Sequence[RunFolder]) -> list[tuple[float, float]]:
    """At most `_LOSSES` points, each the mean of a stretch of all records."""
    by_step: defaultdict[int, list[float]] = defaultdict(list)
    for record in (row for folder in folders for row in folder.rows()):
        loss = record.get("loss")
        if loss is not None and math.isfinite(loss):
            by_step[int(record["step"])].append(float(loss))
    steps = sorted(by_step)
    stretch = -(-len(steps) // _LOSSES) or 1
    points = []
    for start in range(0, len(steps), stretch):
        part = steps[start : start + stretch]
        mean = statistics.mean(loss for step in part for loss in by_step[step])
        points.append((statistics.mean(part), mean))
    return points
