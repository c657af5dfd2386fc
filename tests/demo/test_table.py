"""Rows of the demonstration's table."""

from __future__ import annotations

from pathlib import Path

from examples.demo.table import HEADINGS, TableRow, aligned

from relook.evaluation.coco import evaluate_coco


def test_columns_line_up_and_what_is_not_known_is_a_dash(blobs: Path) -> None:
    metrics = evaluate_coco(blobs, [], max_dets=100)
    rows = [TableRow("one", metrics), TableRow("another model", metrics, 2.345, 90.0)]
    table = aligned([("things", rows[:1]), ("other things", rows[1:])])
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[0] for line in lines] == ["mask", "things", "one", "other", "another"]
    assert lines[0].split() == " ".join(HEADINGS).split()
    assert lines[4].split()[2:] == ["0.000", "0.000", "-", "-", "2.3", "1.5"]
    assert lines[2].split()[-2:] == ["-", "-"]
