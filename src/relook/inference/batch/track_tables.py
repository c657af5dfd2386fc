"""Tables of tracked objects: one row for each object and frame, and counts over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...data.coco.reader import Category
from ...data.sources.sequences import FrameSequence
from ...ops.rle import decode_window
from ...runtime.csv_files import write_csv
from .journal import Line, read_records

TRACKS, COUNTS = "tracks.csv", "counts_over_time.csv"
_OBJECT: Final = ("source", "image", "frame", "time", "track_id", "class", "score")
TRACK_COLUMNS: Final = (*_OBJECT, "x1", "y1", "x2", "y2", "area", "centroid_x", "centroid_y")
COUNT_COLUMNS: Final = ("source", "frame", "time", "class", "count", "total")

Record = dict[str, Any]
FrameRow = tuple[str, int, Record | None]  # image, number of the frame, what was found in it


def write_track_tables(
    folder: Path,
    sequences: Sequence[FrameSequence],
    lines: Mapping[str, Line],
    classes: Sequence[Category],
) -> None:
    """Write both tables into `folder` from `lines` of a journal, by the names of images.

    Frames without a line are left out; only one record is in memory at a time.

    Raises:
        RelookError: R02 when a file cannot be written.
    """
    names = {one.id: one.name for one in classes}
    write_csv(folder / TRACKS, TRACK_COLUMNS, _objects(sequences, lines, names))
    write_csv(folder / COUNTS, COUNT_COLUMNS, _counts(sequences, lines, names))


def _frames(sequence: FrameSequence, lines: Mapping[str, Line]) -> Iterator[FrameRow]:
    """The frames of a sequence that have been done."""
    numbers = [getattr(image, "frame", None) for image in sequence.images]
    rows = [
        (str(image), row if number is None else number, lines[str(image)])
        for row, (image, number) in enumerate(zip(sequence.images, numbers, strict=True))
        if str(image) in lines
    ]
    records = read_records(line for *_, line in rows)
    for (image, number, line), record in zip(rows, records, strict=True):
        yield image, number, record if line.error is None else None


def _objects(
    sequences: Iterable[FrameSequence], lines: Mapping[str, Line], names: Mapping[int, str]
) -> Iterator[Sequence[Any]]:
    for sequence in sequences:
        for image, number, record in _frames(sequence, lines):
            for one in () if record is None else record["objects"]:
                x, y, width, height = one["bbox"]
                yield (
                    sequence.name,
                    image,
                    number,
                    _time(record),
                    one["track_id"],
                    names[one["category_id"]],
                    round(one["score"], 5),
                    *(round(value, 3) for value in (x, y, x + width, y + height)),
                    one["area"],
                    *_centroid(one),
                )


def _counts(
    sequences: Iterable[FrameSequence], lines: Mapping[str, Line], names: Mapping[int, str]
) -> Iterator[Sequence[Any]]:
    """A row for each frame and each class that is found anywhere in its sequence.

    ``count`` is empty for a frame that could not be read.
    """
    for sequence in sequences:
        found = {
            one["category_id"]
            for _, _, record in _frames(sequence, lines)
            for one in (() if record is None else record["objects"])
        }
        last, totals = 0, Counter[int]()
        for _, number, record in _frames(sequence, lines):
            objects = [] if record is None else record["objects"]
            counts = Counter(one["category_id"] for one in objects)
            totals += Counter(one["category_id"] for one in objects if one["track_id"] > last)
            last = max([last, *(one["track_id"] for one in objects)])
            time = _time(record)
            for category, name in names.items():
                if category in found:
                    count = None if record is None else counts[category]
                    yield sequence.name, number, time, name, count, totals[category]


def _time(record: Record | None) -> float | None:
    """Seconds from the first frame, where they are known."""
    time = None if record is None else record.get("time")
    return None if time is None else round(float(time), 6)


def _centroid(one: Record) -> tuple[float | None, float | None]:
    """Mean of the pixels (x, y), where the centre of the first pixel is at (0, 0)."""
    if "segmentation" not in one:
        x, y, width, height = one["bbox"]
        return round(x + width / 2 - 0.5, 3), round(y + height / 2 - 0.5, 3)
    window, left, top = decode_window(one["segmentation"])
    rows, columns = np.nonzero(window)
    if not len(rows):
        return None, None
    return round(float(columns.mean()) + left, 3), round(float(rows.mean()) + top, 3)
