"""The numbers of the rows with their intervals, and their gains by dial, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from ..evaluation.statistics.bootstrap import HUDDLED, Resampling
from ..evaluation.statistics.intervals import Estimate, estimate, gain
from ..evaluation.statistics.weighted_precision import INTERVAL
from ..runtime.csv_files import csv_text
from .dials import DIALS, Group
from .rows import EQUALS
from .table import DASH, HEADS, KINDS, RowResult, grid

_HEADS = {**HEADS, "ap_huddled": "huddled"}
_TITLES = {"box": "Boxes", "mask": "Masks"}
_FIELDS = ("row", "kind", "number", "value", "low", "high", "gain", "gain_low", "gain_high")


def interval_sections(rows: Sequence[RowResult], groups: Sequence[Group]) -> list[str]:
    """Return Markdown, one item per heading; empty where no row has resamples."""
    parts: list[str] = []
    for kind in kinds_of(rows):
        parts += [f"## {_TITLES[kind]}, with intervals", _estimates(rows, kind)]
        parts += [f"## {_TITLES[kind]}, gains", _gains(rows, kind)]
    for kind in kinds_of(rows)[-1:]:
        for dial, title in DIALS.items():
            chosen = [group for group in groups if group.dial == dial]
            if chosen:
                parts += [f"## {_TITLES[kind]}, by {title}", _by_dial(rows, kind, chosen)]
    if parts:
        share, times = INTERVAL[1] - INTERVAL[0], Resampling().resamples
        parts.append(
            f"In brackets: what holds {share:.0%} of {times} resamples of the validation images, "
            "the same ones for all rows, and of the seeds. A single seed adds no spread, and few "
            "seeds add too little. Huddled: objects whose box overlaps another one by more "
            f"than {HUDDLED} (IoU)."
        )
    return parts


def kinds_of(rows: Sequence[RowResult]) -> list[str]:
    """Return the kinds that have resamples: boxes, masks."""
    return [kind for kind in KINDS if any(row.resamples(kind, "ap") for row in rows)]


def _estimates(rows: Sequence[RowResult], kind: str) -> str:
    return grid(
        ("row", "seeds", *_HEADS.values()),
        (
            (
                row.name,
                str(len(row.resampled)),
                *(shown(estimate(row.resamples(kind, measure))) for measure in _HEADS),
            )
            for row in rows
        ),
    )


def _gains(rows: Sequence[RowResult], kind: str) -> str:
    return grid(
        ("row", "over", *_HEADS.values()),
        (
            (
                row.name,
                base.name,
                *(shown(gain_over(row, base, kind, name), "+.1f") for name in _HEADS),
            )
            for row, base in compared(rows)
        ),
        left=2,
    )


def compared(rows: Sequence[RowResult]) -> list[tuple[RowResult, RowResult]]:
    """Pair each row with the first one, then with its partner in `EQUALS`, where present."""
    by_name = {row.name: row for row in rows}
    pairs = [(row.name, rows[0].name) for row in rows[1:]]
    pairs += [(a, b) for a, b in EQUALS if a in by_name and b in by_name]
    return [(by_name[a], by_name[b]) for a, b in dict.fromkeys(pairs)]


def _by_dial(rows: Sequence[RowResult], kind: str, groups: Sequence[Group]) -> str:
    first = rows[0]
    heads = ("", *(f"{group.low:.2f} to {group.high:.2f}" for group in groups))
    images = ("images", *(str(len(group.images)) for group in groups))
    baseline = (
        f"{first.name}, AP",
        *(shown(estimate(first.resamples(kind, group.name))) for group in groups),
    )
    gains = [
        (
            f"{row.name} over {base.name}",
            *(shown(gain_over(row, base, kind, group.name), "+.1f") for group in groups),
        )
        for row, base in compared(rows)
    ]
    return grid(heads, (images, baseline, *gains))


def gain_over(row: RowResult, first: RowResult, kind: str, number: str) -> Estimate | None:
    """Gain of `row` over `first` in `number`, a measure or the name of a group."""
    return gain(row.resamples(kind, number), first.resamples(kind, number))


def shown(estimated: Estimate | None, form: str = ".1f") -> str:
    """``31.2 [29.8, 32.5]``, or a dash."""
    return (
        DASH
        if estimated is None
        else f"{estimated.value:{form}} [{estimated.low:{form}}, {estimated.high:{form}}]"
    )


def interval_csv(rows: Sequence[RowResult], groups: Sequence[Group]) -> str:
    """One line a row, kind and number, in points; empty where a number is not defined."""
    lines: list[list[str]] = []
    for row in rows:
        for kind in kinds_of(rows):
            for name in (*_HEADS, *(group.name for group in groups)):
                value = estimate(row.resamples(kind, name))
                above = None if row is rows[0] else gain_over(row, rows[0], kind, name)
                lines.append([row.name, kind, name, *_cells(value), *_cells(above)])
    return csv_text(_FIELDS, lines)


def _cells(estimated: Estimate | None) -> list[str]:
    return [""] * 3 if estimated is None else [f"{number:.4f}" for number in estimated]
