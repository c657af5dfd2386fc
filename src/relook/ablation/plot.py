"""Pictures of an ablation, without words around them (SVG): AP over time, gains, learning."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ..training.run_folder import RunFolder
from ..visualization.panels import Panel, Point, Series, drawn
from .dials import DIALS, Group
from .interval_table import gain_over, kinds_of
from .table import RowResult

_LOSSES = 30  # points of a learning curve


def accuracy_over_time(rows: Sequence[RowResult]) -> str:
    """AP over milliseconds an image: a point a row, its bar from the worst to the best seed.

    AP of masks, or of boxes where no row has masks. Rows without an AP or a time are left out.
    """
    kind = "mask" if any(row.values("mask", "ap") for row in rows) else "box"
    series = []
    for place, row in enumerate(rows):
        values = row.values(kind, "ap")
        if row.seconds is not None and values:
            middle = statistics.mean(values)
            point = Point(1000 * row.seconds, middle, min(values), max(values))
            series.append(Series(row.name, [point], place))
    return drawn([Panel(series, "ms an image", f"{kind} AP")])


def gains_over_dials(rows: Sequence[RowResult], groups: Sequence[Group]) -> str:
    """AP that each row gains over the first one, with intervals: a panel a dial."""
    kind = (kinds_of(rows) or ["mask"])[-1]
    panels = []
    for dial, what in DIALS.items():
        chosen = [group for group in groups if group.dial == dial]
        series = []
        for place, row in enumerate(rows[1:], start=1):
            found = [(group.middle, gain_over(row, rows[0], kind, group.name)) for group in chosen]
            points = [Point(x, one.value, one.low, one.high) for x, one in found if one]
            series.append(Series(row.name, points, place, is_line=True))
        panels.append(Panel(series, what, f"{kind} AP over {rows[0].name}", has_zero=True))
    return drawn(panels)


def learning_curves(runs: Mapping[str, Sequence[RunFolder]]) -> str:
    """The training loss over steps, the mean of what each row's seeds have recorded."""
    series = [
        Series(row, _losses(folders), place, is_line=True)
        for place, (row, folders) in enumerate(runs.items())
    ]
    return drawn([Panel(series, "steps", "loss of training")])


def _losses(folders: Sequence[RunFolder]) -> list[Point]:
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
        points.append(Point(statistics.mean(part), mean, mean, mean))
    return points
