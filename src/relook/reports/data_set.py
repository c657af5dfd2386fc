"""A page about data sets: images, objects, classes and crowding, several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..data.set_statistics import DataStatistics
from ..errors import counted
from ..runtime.files import write_text
from ..visualization.charts import Axes, Curve, Point, chart
from ..visualization.page import Fact, Section, grid, page, paragraph, table

_BINS: Final = 30
_IN_BINS: Final = 0.99  # of the values; the rest is in the last bin
_LEVELS: Final = 51  # overlaps at which the curve of crowding has a point
_SIZES: Final = 20  # rows of sizes of images


def write_data_page(
    path: Path, data_sets: Sequence[DataStatistics], lines: Sequence[str] = ()
) -> None:
    """Write one HTML page about all of `data_sets`; `lines` are more sentences for it.

    Raises:
        RelookError: R02 when it cannot be written.
    """
    names = ", ".join(one.name for one in data_sets)
    images, objects = sum(one.images for one in data_sets), sum(one.objects for one in data_sets)
    lead = f"{counted(images, 'image')}, {counted(objects, 'object')}"
    sections = [
        Section("Objects", [grid(_charts(data_sets), "charts")]),
        Section("In words", [paragraph(line) for one in data_sets for line in one.lines()]),
        Section("Classes", [_classes(one) for one in data_sets if one.classes]),
        Section("Images", [_image_sizes(one) for one in data_sets if one.image_sizes]),
        Section("Near-identical images", [paragraph(line) for line in lines]),
    ]
    write_text(path, page(f"Data: {names}", lead, _facts(data_sets), sections))


def _facts(data_sets: Sequence[DataStatistics]) -> list[Fact]:
    facts = []
    for one in data_sets:
        note = one.name if len(data_sets) > 1 else ""
        facts += [
            Fact("images", f"{one.images}", note),
            Fact("objects", f"{one.objects}", note),
            Fact("overlapping", f"{one.overlapping:.0%}", note or "of the boxes"),
        ]
        if one.touching is not None:
            facts.append(Fact("touching", f"{one.touching:.0%}", note or "of the masks"))
    return facts


def _charts(data_sets: Sequence[DataStatistics]) -> list[str]:
    counts = _histograms(data_sets, [one.per_image for one in data_sets], whole=True)
    sizes = _histograms(data_sets, [one.diameters for one in data_sets])
    levels = np.linspace(0, 1, _LEVELS)
    crowding = [
        Curve(one.name, [(float(x), float((one.overlaps > x).mean())) for x in levels])
        for one in data_sets
        if one.measured
    ]
    return [
        chart(
            "Objects in an image",
            counts,
            Axes("objects; the last step: all with more", up="share of the images"),
        ),
        chart(
            "Sizes of objects",
            sizes,
            Axes("diameter in pixels; the last step: all larger", up="share of the objects"),
        ),
        chart(
            "Crowding",
            crowding,
            Axes("IoU with the closest box, more than", (0, 1), (0, 1), up="share of the objects"),
        ),
    ]


def _histograms(
    data_sets: Sequence[DataStatistics],
    values: Sequence[Sequence[float] | NDArray[Any]],
    *,
    whole: bool = False,
) -> list[Curve]:
    """A stepped line for each data set over common bins; the last bin has all larger values."""
    every = np.concatenate([np.asarray(one, dtype=np.float64) for one in values])
    if not len(every):
        return []
    top = float(np.quantile(every, _IN_BINS)) + (1 if whole else 0)
    width = max(top / _BINS, 1e-9)
    if whole:
        width = max(1.0, np.ceil(width))
    edges = np.arange(0, int(np.ceil(top / width)) + 1) * width
    curves = []
    for one, numbers in zip(data_sets, values, strict=True):
        clipped = np.minimum(np.asarray(numbers, dtype=np.float64), edges[-1] - width / 2)
        shares = np.histogram(clipped, edges)[0] / max(1, len(numbers))
        points: list[Point] = [(0.0, 0.0)]
        for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True):
            points += [(float(low), float(share)), (float(high), float(share))]
        curves.append(Curve(one.name, [*points, (float(edges[-1]), 0.0)]))
    return curves


def _classes(one: DataStatistics) -> str:
    most = max(row.objects for row in one.classes) or 1
    rows, shares = [], []
    for row in sorted(one.classes, key=lambda row: -row.objects):
        sizes = [f"{row.diameters[name]:g}" if row.diameters else "" for name in _QUANTILES]
        rows.append([row.name, f"{row.objects}", f"{row.images}", *sizes])
        shares.append([row.objects / most, 0.0, *[0.0] * len(sizes)])
    head = ["class", "objects", "images", "diameter p10", "median", "p90"]
    return table(f"{one.name}: classes, diameters in pixels", head, rows, shares=shares)


_QUANTILES: Final = ("p10", "median", "p90")


def _image_sizes(one: DataStatistics) -> str:
    frequent = sorted(one.image_sizes.items(), key=lambda item: -item[1])
    rows = [[f"{width} x {height}", f"{count}"] for (width, height), count in frequent[:_SIZES]]
    if len(frequent) > _SIZES:
        rows.append(["other sizes", f"{sum(count for _, count in frequent[_SIZES:])}"])
    return table(f"{one.name}: sizes of images", ["width x height", "images"], rows)
