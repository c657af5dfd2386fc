"""The numbers of an evaluation as parts of a page."""

from __future__ import annotations

import math

import numpy as np

from ..errors import counted
from ..evaluation.confusion import BACKGROUND, Confusion
from ..evaluation.counting import Counting
from ..evaluation.curves import LEVELS, Values
from ..evaluation.error_split import ErrorSplit
from ..evaluation.metrics import Metrics
from ..evaluation.tables import by_precision
from ..visualization.charts import Axes, Curve, chart
from ..visualization.page import Fact, Section, grid, listing, paragraph, table

UNIT = (0.0, 1.0)
RECALL = Axes("recall", UNIT, UNIT)
CLASSES = 24  # rows of the matrix; more are not readable
NAMED = 3  # best and worst classes, each with a curve of its own colour
MIX_UPS = 12


def headline(metrics: Metrics, threshold: float) -> list[Fact]:
    """The main numbers; objects are counted from the score `threshold`."""
    kind, scores = metrics.kind, metrics.scores
    facts = [
        Fact(f"{kind} AP", _number(scores.ap), "IoU 0.50 to 0.95"),
        Fact(f"{kind} AP50", _number(scores.ap50), "IoU 0.50"),
        Fact(f"{kind} AP75", _number(scores.ap75), "IoU 0.75"),
    ]
    counting = _counting_at(metrics, threshold)
    if counting is not None:
        error = f"of {metrics.num_objects / metrics.num_images:.1f} objects an image"
        facts += [
            Fact("F1", _number(counting.f1), f"from score {counting.threshold:.4g}"),
            Fact("count error", _number(counting.count_error, ".2f"), error),
        ]
    return [
        *facts,
        Fact("objects", f"{metrics.num_objects}", f"in {counted(metrics.num_images, 'image')}"),
    ]


def number_sections(
    metrics: Metrics, threshold: float, confusion: Confusion, split: ErrorSplit
) -> list[Section]:
    """Curves, classes, confusion and the split of errors; the last two at `threshold`."""
    return [
        Section("Curves", [_curves(metrics, threshold)]),
        Section("Classes", _classes(metrics)),
        Section("Errors by kind", _errors(split, metrics)),
        Section("Confusion", _confusion(confusion, threshold)),
    ]


def all_numbers(metrics: Metrics) -> Section:
    """The table that `relook eval` prints, without its lines for classes."""
    return Section("All numbers", [listing(metrics.table(per_class=False))])


def _counting_at(metrics: Metrics, threshold: float) -> Counting | None:
    countings = (metrics.counting, metrics.best_counting)
    return next((c for c in countings if c is not None and c.threshold == threshold), None)


def _curves(metrics: Metrics, threshold: float) -> str:
    curves = metrics.curves
    marks = {f"shown from {threshold:.2g}": threshold}
    counting = [
        Curve("F1", _points(curves.thresholds, curves.f1)),
        Curve("precision", _points(curves.thresholds, curves.found_precision)),
        Curve("recall", _points(curves.thresholds, curves.found_recall)),
    ]
    over_score = "F1, precision and recall by score threshold, IoU 0.50"
    charts = [
        chart(
            f"Precision over recall by {metrics.kind}",
            [
                Curve(
                    f"IoU {level}: {_number(float(values.mean()))}", _points(curves.recalls, values)
                )
                for level, values in zip(LEVELS, curves.precision, strict=True)
            ],
            RECALL,
        ),
        chart(over_score, counting, Axes("score", UNIT, UNIT, marks)),
    ]
    return grid([*charts, *_class_curves(metrics)], "charts")


def _class_curves(metrics: Metrics) -> list[str]:
    """Precision over recall at IoU 0.50 of every class, named at both ends of the ranking."""
    recalls = metrics.curves.recalls
    precision = {key: values[0] for key, values in metrics.curves.of_classes()}
    if len(precision) < 2:
        return []
    names = {score.id: score.name for score in metrics.box.classes}
    ranked = sorted(precision, key=lambda key: -float(precision[key].mean()))
    ends = ranked if len(ranked) <= 2 * NAMED else [*ranked[:NAMED], *ranked[-NAMED:]]
    drawn = [
        Curve(
            f"{names[key]}: {_number(float(precision[key].mean()))}",
            _points(recalls, precision[key]),
            is_pale=key not in ends,
        )
        for key in ranked
    ]
    scope = "of every class" if len(ends) == len(ranked) else "of all classes, the ends named"
    title = f"Precision over recall {scope}, IoU 0.50"
    return [chart(title, drawn, RECALL)]


def _classes(metrics: Metrics) -> list[str]:
    kinds = ["box"] if metrics.mask is None else ["box", "mask"]
    head = ["class", "objects", "detections"]
    head += [f"{kind} {name}" for kind in kinds for name in ("AP", "AP50", "AR")]
    rows, empty = [], []
    for scores in by_precision(metrics):
        score = scores[0]
        if score.num_objects == 0:
            empty.append(score.name)
            continue
        numbers = [n for s in scores if s is not None for n in (s.ap, s.ap50, s.ar)]
        counts = [str(score.num_objects), str(score.num_detections)]
        rows.append([score.name, *counts, *(_number(value) for value in numbers)])
    parts = [table(f"Classes, the highest {metrics.kind} AP first", head, rows)] if rows else []
    if empty:
        parts.append(paragraph(f"Without objects in these images: {', '.join(empty)}."))
    return parts


def _errors(split: ErrorSplit, metrics: Metrics) -> list[str]:
    highest = max(kind.cost for kind in split.kinds)
    rows = [
        [kind.name, str(kind.count), f"{100 * kind.cost:.1f}", kind.meaning] for kind in split.kinds
    ]
    shares = [[0.0, kind.cost / highest if highest > 0 else 0.0, 0.0] for kind in split.kinds]
    words = (
        f"The cost of a kind is the rise of {metrics.kind} AP50, now {100 * split.ap50:.1f}, in "
        "points, if this kind alone were corrected. Detections of all scores count here."
    )
    head = ["kind", "count", "cost", "meaning"]
    caption = "Errors by kind, and the cost of each in points of AP50"
    return [paragraph(words), table(caption, head, rows, texts=[3], shares=shares)]


def _confusion(confusion: Confusion, threshold: float) -> list[str]:
    small = confusion.largest(CLASSES)
    sums = small.matrix.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, small.matrix / np.maximum(sums, 1), 0).tolist()
    rows = [
        [name, *("" if count == 0 else str(count) for count in line)]
        for name, line in zip(small.labels(), small.matrix.tolist(), strict=True)
    ]
    words = (
        f"Rows are true classes, columns predicted classes, from score {threshold:.4g} and IoU "
        f"0.50 of any classes. Missed objects are in the column of the {BACKGROUND}, detections of "
        "no object in its row; a stronger colour is a larger share of the row."
    )
    caption = "Confusion matrix"
    head = ["there \\ found", *small.labels()]
    parts = [paragraph(words), table(caption, head, rows, shares=shares, is_matrix=True)]
    if confusion.twins:
        parts.append(
            paragraph(
                f"{counted(confusion.twins, 'detection')} more on objects that were found as "
                "another class already: twins, which are not in this table. relook predict and "
                "eval with --agnostic keep the better of the two."
            )
        )
    mix_ups = confusion.mix_ups(MIX_UPS)
    if mix_ups:
        lines = [[truth, predicted, str(times)] for truth, predicted, times in mix_ups]
        head = ["true class", "predicted class", "count"]
        parts.append(table("The most frequent confusions", head, lines, texts=[1]))
    return parts


def _points(xs: Values, ys: Values) -> list[tuple[float, float]]:
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def _number(value: float, form: str = ".3f") -> str:
    return "-" if math.isnan(value) else format(value, form)
