"""Tables of tracked objects, from a journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.data.coco.reader import Category
from relook.data.sources.sequences import FrameSequence
from relook.inference.batch.journal import Journal
from relook.inference.batch.track_tables import COUNTS, TRACKS, write_track_tables
from relook.ops.rle import encode_mask

CLASSES = (Category(4, "cell"), Category(2, "=rod"), Category(9, "never"))


def object_of(track: int, category: int, *, masks: bool = True) -> dict[str, Any]:
    mask = np.zeros((20, 30), bool)
    mask[2:5, 10:14] = True
    record: dict[str, Any] = {"area": 12.0, "bbox": [10.0, 2.0, 4.0, 3.0], "score": 0.123456789}
    if masks:
        record["segmentation"] = encode_mask(mask)
    return record | {"category_id": category, "track_id": track}


def tables(
    tmp_path: Path, frames: list[list[dict[str, Any]] | None], stopped: int = 0
) -> tuple[list[str], list[str]]:
    """Lines of both tables; None is a frame that could not be read, the last ones are not done."""
    images = tuple(tmp_path / "day" / f"{number}.png" for number in range(len(frames)))
    journal = Journal(tmp_path)
    journal.begin({}, resume=False)
    with journal:
        for image, objects in list(zip(images, frames, strict=True))[: len(frames) - stopped]:
            record = {"source": str(image), "name": image.stem, "stamp": None, "count": 0}
            record |= {"file_name": str(image), "width": 40, "height": 30}
            journal.add(record | ({"error": "x"} if objects is None else {"objects": objects}))
    sequence = FrameSequence("day", "day", images)
    write_track_tables(tmp_path, [sequence], journal.lines(), CLASSES)
    return (
        (tmp_path / TRACKS).read_text().splitlines(),
        (tmp_path / COUNTS).read_text().splitlines(),
    )


@pytest.mark.parametrize("masks", [True, False])
def test_a_row_for_each_object_and_frame(tmp_path: Path, masks: bool) -> None:
    frames = [[object_of(1, 4, masks=masks)], [], [object_of(1, 4, masks=masks)]]
    rows, _ = tables(tmp_path, list(frames))
    head = "source,image,frame,time,track_id,class,score,x1,y1,x2,y2,area,centroid_x,centroid_y"
    assert rows[0] == head
    for row, number in zip(rows[1:], (0, 2), strict=True):
        image = tmp_path / "day" / f"{number}.png"
        assert row == (f"day,{image},{number},,1,cell,0.12346,10.0,2.0,14.0,5.0,12.0,11.5,3.0")


def test_counts_over_time_have_every_class_of_the_film_in_every_frame(tmp_path: Path) -> None:
    frames = [[object_of(1, 4), object_of(2, 4)], None, [object_of(3, 2), object_of(1, 4)], []]
    _, rows = tables(tmp_path, [*frames, [object_of(7, 9)]], stopped=1)
    assert rows == [
        "source,frame,time,class,count,total",
        "day,0,,cell,2,2",
        "day,0,,'=rod,0,0",
        "day,1,,cell,,2",  # it could not be read
        "day,1,,'=rod,,0",
        "day,2,,cell,1,2",
        "day,2,,'=rod,1,1",
        "day,3,,cell,0,2",
        "day,3,,'=rod,0,1",
    ]


def test_an_empty_mask_has_no_centroid(tmp_path: Path) -> None:
    empty = object_of(1, 4) | {"segmentation": encode_mask(np.zeros((20, 30), bool))}
    rows, _ = tables(tmp_path, [[empty], []])
    assert rows[1].endswith(",12.0,,")
