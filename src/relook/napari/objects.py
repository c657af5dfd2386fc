"""Found objects as a labels layer with a table, and the score below which they are hidden."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..inference.results import Result
from ..inference.writers.labels import label_image
from ..inference.writers.table import Columns, PixelSize, object_table

Labels = NDArray[np.int32]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class FoundObjects:
    """Objects that become a layer."""

    labels: Labels  # (H, W) number of the object at each pixel, 0 for none
    columns: Columns  # features of the layer: `index` is the number of the object
    overlapped: int  # pixels of objects that better ones hide, for each object
    covered: int  # objects that lie wholly under better ones, and are not in the layer


def found_objects(
    result: Result, pixel_size: PixelSize | None = None, samples: NDArray[Any] | None = None
) -> FoundObjects:
    """The objects of `result` as labels and features.

    Where objects overlap, the one with the higher score is seen; the features are those of
    `object_table`, of each object as it was found.

    Raises:
        UsageError: As `object_table`.
    """
    labels = label_image(result)
    columns = object_table(result, pixel_size=pixel_size, samples=samples)
    overlapped = sum(columns["area"]) - int(np.count_nonzero(labels))
    columns = {"index": columns["id"], **columns}
    seen = set(np.unique(labels).tolist())
    rows = [row for row in rows_of(columns) if row["index"] in seen]
    return FoundObjects(
        labels.astype(np.int32), columns_of(rows, columns), overlapped, len(result) - len(rows)
    )


def rows_of(columns: Mapping[str, Iterable[Any]]) -> list[Row]:
    """The rows of a table; the DataFrame of a layer is such a table, too."""
    names = list(columns)
    lists = [list(columns[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def columns_of(rows: Iterable[Row], names: Iterable[str]) -> Columns:
    """The table with columns `names` of `rows`; what a row does not have is None."""
    rows = list(rows)
    return {str(name): [row.get(name) for row in rows] for name in names}


def is_missing(value: Any) -> bool:
    """Return whether a cell of a table is empty: None or NaN."""
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def number_of(row: Row, place: int) -> int:
    """The label that the row at `place` of a table is about: its `index`, else, as in napari, its
    place.

    Raises:
        UsageError: U03 for an index that is no whole number.
    """
    value = row.get("index", place)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or number != value:
        raise _no_number("index", place, value, "the number of its label")
    return number


def score_of(row: Row, place: int) -> float:
    """The score in the row at `place` of a table; NaN where there is none.

    Raises:
        UsageError: U03 for a score that is no number.
    """
    value = row.get("score")
    if is_missing(value):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise _no_number("score", place, value, "a number, or leave it empty") from None


def _no_number(column: str, place: int, value: object, wanted: str) -> UsageError:
    return UsageError(
        "U03",
        f"the table of the layer: column {column} of row {place} has {value!r}. Write {wanted}.",
    )


class ScoreFilter:
    """The objects of a layer, of which those below a score are hidden and none is lost.

    Hidden objects are not in the layer at all, so that whatever measures the layer sees what is
    shown. What was drawn, erased or renamed in the layer stays when the score changes.

    Args:
        labels: All objects (H, W).
        columns: Their features, with `index` and `score`; objects without a score are always
            shown.
    """

    def __init__(self, labels: Labels, columns: Columns) -> None:
        self._labels, self._names = labels.copy(), list(columns)
        self._rows: dict[int, Row] = {
            number_of(row, place): row for place, row in enumerate(rows_of(columns))
        }
        self._hidden: set[int] = set()

    @property
    def hidden(self) -> int:
        """Number of objects that are not shown."""
        return len(self._hidden)

    def at(
        self,
        score: float,
        labels: NDArray[Any] | None = None,
        columns: Mapping[str, Iterable[Any]] | None = None,
    ) -> tuple[Labels, Columns]:
        """Labels (H, W) and features of the objects of at least `score`.

        `labels` and `columns` are those of the layer as it is now; rows that are not there any
        more are forgotten. A new label with the number of
        a hidden object gets a number of its own.

        Raises:
            UsageError: U03 for a table whose labels or scores are no numbers, U04 for labels of
                another size.
        """
        if labels is not None:
            self._take_over(labels, {} if columns is None else columns)
        self._hidden = {
            number
            for number, row in self._rows.items()
            if np.float32(score_of(row, 0)) < np.float32(score)  # as `Result.filter`; NaN is not
        }
        rows = [row for number, row in self._rows.items() if number not in self._hidden]
        return self._shown(), columns_of(rows, self._names)

    def _shown(self) -> Labels:
        if not self._hidden:
            return self._labels.copy()
        is_hidden = np.isin(self._labels, np.array(sorted(self._hidden), self._labels.dtype))
        return np.where(is_hidden, np.int32(0), self._labels)

    def _take_over(self, labels: NDArray[Any], columns: Mapping[str, Iterable[Any]]) -> None:
        if labels.shape != self._labels.shape:
            raise UsageError(
                "U04",
                f"the labels have {labels.shape} pixels, and had {self._labels.shape} when they "
                "were found. Run the model again to choose a score.",
            )
        changed = labels != self._shown()
        drawn = labels[changed].astype(np.int32)
        rows = [(number_of(row, place), row) for place, row in enumerate(rows_of(columns))]
        for place, (_, row) in enumerate(rows):
            score_of(row, place)
        given = {number for number, _ in rows}
        numbers = self._free_numbers(drawn, given)
        for number, free in numbers.items():
            drawn[drawn == number] = free
        self._labels[changed] = drawn
        if list(columns):
            shown = self._rows.keys() - self._hidden
            self._rows = {n: row for n, row in self._rows.items() if n not in shown - given}
        self._names += [str(name) for name in columns if name not in self._names]
        for number, row in rows:
            number = numbers.get(number, number)
            self._rows[number] = row | {"index": number}
            if "id" in row:
                self._rows[number]["id"] = number

    def _free_numbers(self, drawn: Labels, others: Iterable[int]) -> dict[int, int]:
        """Free numbers for drawn labels that have those of hidden objects."""
        taken = sorted(self._hidden & set(np.unique(drawn).tolist()))
        known = [*self._rows, *others]
        highest = max([int(self._labels.max(initial=0)), int(drawn.max(initial=0)), *known])
        return {number: highest + i for i, number in enumerate(taken, start=1)}
