"""The rows of an ablation as a table, for people (Markdown) and for programs (CSV)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..evaluation.statistics.intervals import Values
from ..evaluation.statistics.weighted_precision import Resampled
from ..runtime.csv_files import csv_text
from .jobs import Numbers
from .published import MEASURES, Published

HEADS = dict(zip(MEASURES, ("AP", "AP50", "AP75", "S", "M", "L"), strict=True))
KINDS = ("box", "mask")
DASH = "-"


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row with its measurements: costs, and the numbers of each seed."""

    name: str
    model: str  # the preset, with the user's own parts by name
    parameters: int
    multiply_adds: int
    seconds: float | None  # to predict in an image
    seeds: Sequence[Numbers]
    published: Sequence[Published] = ()
    resampled: Sequence[Resampled] = ()  # of the seeds that did not diverge

    def values(self, kind: str, measure: str) -> list[float]:
        """Points of `measure` for `kind` (box, mask), one per seed where it is defined."""
        scores = [
            (numbers["metrics"][kind] or {}).get(measure)
            for numbers in self.seeds
            if "metrics" in numbers
        ]
        return [100 * value for value in scores if value is not None]

    def mean(self, key: str) -> float | None:
        """The mean over `alike` of a number beside the metrics: steps, images, minutes."""
        values = [numbers[key] for numbers in self.alike if numbers.get(key) is not None]
        return statistics.mean(values) if values else None

    def resamples(self, kind: str, measure: str) -> list[Values]:
        """`measure` in [0, 1] of all images and of their resamples, one array per seed."""
        return [seed[kind][measure] for seed in self.resampled if measure in seed.get(kind, {})]

    @property
    def alike(self) -> list[Numbers]:
        """The seeds that were trained on the same device as the first one: minutes and bytes of a
        CPU and a GPU cannot be compared."""
        trained = [numbers for numbers in self.seeds if "diverged" not in numbers]
        return [numbers for numbers in trained if numbers.get("on") == trained[0].get("on")]

    @property
    def memory(self) -> int | None:
        """Peak bytes of a training, over the seeds `alike`."""
        return max((n["memory"] for n in self.alike if n.get("memory")), default=None)

    @property
    def diverged(self) -> list[Numbers]:
        """Seeds whose training diverged."""
        return [numbers for numbers in self.seeds if "diverged" in numbers]


def markdown(rows: Sequence[RowResult]) -> str:
    """Return the tables of costs, boxes, masks and published numbers, one below the other."""
    parts = ["## Costs", _costs(rows)]
    for kind, title in zip(KINDS, ("Boxes", "Masks"), strict=True):
        if any(row.values(kind, "ap") for row in rows):
            parts += [f"## {title}", _accuracy(rows, kind)]
    parts += ["## Published", _published(rows)]
    lost = [
        f"- {row.name}, seed {n['seed']}: {n['diverged']}" for row in rows for n in row.diverged
    ]
    if lost:
        parts += ["## Diverged", "\n".join(lost)]
    return "\n\n".join(parts)


def _costs(rows: Sequence[RowResult]) -> str:
    heads = (
        "row",
        "model",
        "parameters (M)",
        "multiply-adds (G)",
        "time (ms)",
        "memory of training (GB)",
        "steps",
        "images",
        "minutes",
    )
    return grid(
        heads,
        (
            (
                row.name,
                row.model,
                f"{row.parameters / 1e6:.2f}",
                f"{row.multiply_adds / 1e9:.1f}",
                _shown(row.seconds, "{:.0f}", 1000),
                _shown(row.memory, "{:.2f}", 1e-9),
                _shown(row.mean("steps"), "{:.0f}"),
                _shown(row.mean("images"), "{:.0f}"),
                _shown(row.mean("minutes"), "{:.1f}"),
            )
            for row in rows
        ),
        left=2,
    )


def _accuracy(rows: Sequence[RowResult], kind: str) -> str:
    first = rows[0]
    heads = ["row", "AP", f"over {first.name}", *list(HEADS.values())[1:], "published AP", "source"]

    def cells(row: RowResult) -> list[str]:
        values = row.values(kind, "ap")
        deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        gain = difference(row, first, kind)
        publications = [
            publication for publication in row.published if publication.of(kind, "ap") is not None
        ]
        return [
            row.name,
            mean_and_range(values, 1, deviation),
            DASH if row is first else _shown(gain, "{:+.1f}"),
            *(mean_and_range(row.values(kind, measure), 1) for measure in MEASURES[1:]),
            _shown(publications[0].of(kind, "ap"), "{:.1f}") if publications else DASH,
            publications[0].source if publications else DASH,
        ]

    return grid(heads, map(cells, rows))


def difference(row: RowResult, first: RowResult, kind: str) -> float | None:
    """Mean AP of `row` minus that of `first`, in points; None where either has none."""
    pair = [result.values(kind, "ap") for result in (row, first)]
    return statistics.mean(pair[0]) - statistics.mean(pair[1]) if all(pair) else None


def _published(rows: Sequence[RowResult]) -> str:
    def numbers(publication: Published, kind: str) -> str:
        shown = [_shown(publication.of(kind, measure), "{:.1f}") for measure in MEASURES]
        texts = [text for text in shown if text != DASH]
        gain = publication.gain if kind == "box" else None
        return " ".join(texts) or _shown(gain, "{:+.1f}")

    lines = [
        (
            row.name,
            publication.source if publication else DASH,
            *(numbers(publication, k) if publication else DASH for k in KINDS),
        )
        for row in rows
        for publication in (row.published or (None,))
    ]
    shown = " ".join(HEADS.values())
    return grid(("row", "source", f"box {shown}", f"mask {shown}"), lines, left=2)


def table_csv(rows: Sequence[RowResult]) -> str:
    """One line per row; points, seconds and bytes as plain numbers, empty where unknown."""
    lines = [_record(row, rows[0]) for row in rows]
    return csv_text(list(lines[0]), [list(line.values()) for line in lines])


_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.mean,
    "sd": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
    "min": min,
    "max": max,
}


def _record(row: RowResult, first: RowResult) -> dict[str, object]:
    record: dict[str, object] = {
        "row": row.name,
        "model": row.model,
        "seeds": len(row.seeds) - len(row.diverged),
        "diverged": len(row.diverged),
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "seconds_per_image": row.seconds,
        "memory_bytes": row.memory,
        **{key: row.mean(key) for key in ("steps", "images", "minutes")},
    }
    for kind in KINDS:
        for measure in MEASURES:
            values = row.values(kind, measure)
            for name, of in _STATISTICS.items():
                record[f"{kind}_{measure}_{name}"] = round(of(values), 4) if values else None
        gain = difference(row, first, kind)
        record[f"{kind}_ap_over_first"] = None if gain is None else round(gain, 4)
        for measure in MEASURES:
            publications = [
                publication
                for publication in row.published
                if publication.of(kind, measure) is not None
            ]
            record[f"published_{kind}_{measure}"] = (
                publications[0].of(kind, measure) if publications else None
            )
            if measure == "ap":
                record[f"published_{kind}_source"] = (
                    publications[0].source if publications else None
                )
    return record


def mean_and_range(values: Sequence[float | None], digits: int = 3, deviation: str = "") -> str:
    """``mean (smallest to largest)``, with `deviation` after the mean; a single value without a
    range; a dash when a value is not known."""
    defined = [value for value in values if value is not None]
    if len(defined) < len(values) or not defined:
        return DASH
    mean = f"{statistics.mean(defined):.{digits}f}{deviation}"
    if len(defined) == 1:
        return mean
    return f"{mean} ({min(defined):.{digits}f} to {max(defined):.{digits}f})"


def grid(heads: Sequence[str], lines: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose first `left` columns are aligned to the left."""
    rule = ["---" if number < left else "---:" for number in range(len(heads))]
    escaped = ([cell.replace("|", "\\|") for cell in cells] for cells in (heads, rule, *lines))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def _shown(value: float | None, form: str, factor: float = 1) -> str:
    return DASH if value is None else form.format(factor * value)
