"""Annotations checked on arrays: what comes out is what the reader of single ones gives."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.data.coco import plain_rows
from relook.data.coco.leniency import Leniency
from relook.data.coco.plain_rows import PlainRows
from relook.data.coco.reader import read_coco
from relook.errors import DataError

Row = dict[str, Any]
SIZE = 64


def rows_of(seed: int, count: int) -> list[Row]:
    """Annotations of which most are plain, and others are nearly so."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        polygons = [polygon(draw) for _ in range(draw.choice([1, 1, 1, 2, 3]))]
        xs = [x for part in polygons for x in part[::2]]
        ys = [y for part in polygons for y in part[1::2]]
        box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        row = {
            "id": number,
            "image_id": draw.choice([3, 7]),
            "category_id": draw.choice([4, 9]),
            "segmentation": polygons,
            "bbox": [value + draw.choice([0, 0, 0, 0, 0.5, -2, 9]) for value in box],
            "area": draw.choice([1, 2.5, 30, 30, 30, 0, -1.0, None]),
            "iscrowd": draw.choice([0, 0, 0, 0, False, None]),
        }
        if draw.random() < 0.2:
            del row[draw.choice(["area", "iscrowd", "bbox", "segmentation"])]
        rows.append(row)
    return rows


def polygon(draw: random.Random) -> list[float]:
    """A triangle or more; some of them tiny, thin, at the border or out of the image."""
    corners, digits = draw.choice([3, 5, 8]), draw.choice([None, 0, 2])
    x, y = draw.uniform(0, SIZE), draw.uniform(0, SIZE)
    across, down = draw.choice([0.2, 1, 4, 9, 20]), draw.choice([0.2, 4, 9, 9])
    turns = [2 * math.pi * corner / corners for corner in range(corners)]
    values = [v for t in turns for v in (x + across * math.cos(t), y + down * math.sin(t))]
    if draw.random() < 0.8:
        values = [min(max(value, 0), SIZE) for value in values]
    return [round(value, digits) for value in values]


SPOILT: list[Row] = [
    *({"image_id": value} for value in (True, 3.0, "3", 99, None)),
    *({"category_id": value} for value in (True, 9.0, 99, None, [])),
    *({"bbox": value} for value in ([1, 1, True, 9], [1, 1, 9], [1, 1, 10**400, 9], "box", [])),
    *({"bbox": value} for value in ([1, 1, float("nan"), 9], [0.0, 0.0, 16, 16.5], [0, 0, 0.5, 9])),
    *({"area": value} for value in (True, float("inf"), 10**400, "9")),
    *({"iscrowd": value} for value in (1, True, 0.0, "", 2)),
    *({"ignore": value} for value in (1, 0, "yes")),
    *({"segmentation": [[1, 1, 9, 1, 9, value]]} for value in (True, 10**400, float("nan"), 2**60)),
    *({"segmentation": [part]} for part in ([1, 1, 9, 1], [1, 1, 9, 1, 9, 9, 1], [], [1, 1] * 3)),
    {"segmentation": [[1, 1, 9, 1, 9, 9], [1, 1]]},
    {"segmentation": [[1, 1, 9, 1, 9, 9], [float("inf"), 1, 9, 1, 9, 9]]},
    {"id": 0},
    {"id": None},
]


STILL_PLAIN: list[Row] = [
    {"ignore": 0},
    {"image_id": 3.0},  # which becomes an integer before
    {"image_id": "3"},
    {"category_id": 9.0},
    {"id": None},
]


def outcome(path: Path, folder: Path, **options: Any) -> tuple[Any, ...]:
    """All of an index, or the message of the error."""
    try:
        index = read_coco(path, folder, **options)
    except DataError as error:
        return (str(error),)
    records = [
        (image.id, one.id, one.label, one.box, repr(one.segmentation), one.is_crowd, one.area)
        for image in index.images
        for one in image.objects
    ]
    return (*records, *index.summary(), index.is_rewritten)


@pytest.fixture
def both(
    document: Row,
    write: Callable[[object], Path],
    images_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., int]:
    """Reads rows with and without the checks on arrays; number of the plain ones."""

    def read(rows: list[Row], **options: Any) -> int:
        path = write(document | {"annotations": rows})
        plain = []
        record = PlainRows.record

        def counted(self: PlainRows, position: int) -> Any:
            found = record(self, position)
            plain.extend([position] if found is not None else [])
            return found

        monkeypatch.setattr(PlainRows, "record", counted)
        fast = outcome(path, images_dir, **options)
        monkeypatch.setattr(PlainRows, "record", lambda self, position: None)
        assert fast == outcome(path, images_dir, **options)
        monkeypatch.setattr(PlainRows, "record", record)
        return len(plain)

    return read


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options",
    [
        {"leniency": Leniency(boxes="from-masks", ignore_unknown=True)},
        {"masks": "ignored"},
        {"masks": "required"},
        {"classes": ["cell"], "leniency": Leniency(ignore_unknown=True, duplicates="drop")},
    ],
    ids=["from-masks", "boxes", "masks", "one class"],
)
def test_many_rows(
    seed: int,
    options: Row,
    both: Callable[..., int],
    document: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plain_rows, "_STEP", 50)
    for image in document["images"]:
        image.update(width=SIZE, height=SIZE)
    rows = [row for row in rows_of(seed, 160) if "bbox" in row or "segmentation" in row]
    plain = both(rows, check_files=False, **options)
    if options.get("masks") == "required":
        assert plain > 10


def test_hundreds_of_tiny_objects(both: Callable[..., int]) -> None:
    corners = [[2, 1, 4, 1, 4, 3, 2, 3], [2.0, 1.0, 4.0, 1.0, 2.0, 3.0]]
    values = {"image_id": 3, "category_id": 9, "bbox": [2, 1, 2, 2], "area": 4}
    rows = [{"id": n, "segmentation": [corners[n % 2]], **values} for n in range(600)]
    assert both(rows) == 600


@pytest.mark.parametrize("values", SPOILT, ids=repr)
def test_a_row_that_is_not_plain(values: Row, both: Callable[..., int], document: Row) -> None:
    row = {
        "id": 11,
        "image_id": 3,
        "category_id": 9,
        "segmentation": [[2, 1, 12, 1, 12, 13, 2, 13]],
        "bbox": [2, 1, 10, 12],
        "area": 120,
    }
    first, last = {**row, "id": 0}, {**row, "id": 12, "bbox": [2, 1, 10.0, 12], "iscrowd": 0}
    assert both([first, row, last]) == 3
    assert both([first, row | values, last]) < 3 or values in STILL_PLAIN
    assert both([*document["annotations"], row | values, last], masks="ignored") >= 0
