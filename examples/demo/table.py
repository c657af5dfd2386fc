"""The numbers of the demonstration, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relook.evaluation.metrics import Metrics

HEADINGS = (
    "", "mask AP", "AP50", "count error", "F1", "images/s", "minutes"
)  # fmt: skip
NOTE = (
    "Count error: objects found too many or too few, in an average image. F1 at IoU 0.5. Both at "
    "the score threshold that is best on these images, for each row its own."
)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One model on one set of images."""

    name: str
    metrics: Metrics
    images_per_second: float | None = None
    seconds: float | None = None  # of training in this demonstration
    steps: int | None = None  # of that training

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `HEADINGS`."""
        mask, counting = self.metrics.mask, self.metrics.best_counting
        return (
            self.name,
            _number(mask.ap if mask else None),
            _number(mask.ap50 if mask else None),
            _number(counting.count_error if counting else None, 1),
            _number(counting.f1 if counting else None),
            _number(self.images_per_second, 1),
            _number(None if self.seconds is None else self.seconds / 60, 1),
        )


def aligned(groups: Sequence[tuple[str, Sequence[TableRow]]]) -> str:
    """Groups of rows as one plain table; the title of each group stands over its rows."""
    rows = [row.cells() for _, group in groups for row in group]
    titles = [title for title, _ in groups]
    widths = [max(len(row[i]) for row in (HEADINGS, *rows)) for i in range(len(HEADINGS))]
    widths[0] = max(widths[0] + 2, *map(len, titles))
    lines = [_line(HEADINGS, widths)]
    for title, group in groups:
        lines.append(title.ljust(sum(widths) + 2 * (len(widths) - 1)))
        lines += [_line(("  " + row.name, *row.cells()[1:]), widths) for row in group]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    return "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"
