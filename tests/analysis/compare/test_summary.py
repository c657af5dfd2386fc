"""Counts, the table, and what goes into files."""

from __future__ import annotations

import csv
import io
import json

import pytest

from relook.analysis.compare.run import Compared
from relook.analysis.compare.summary import Model, Summary


def summary_of(compared: list[Compared], **classes: list[str]) -> Summary:
    models = [Model(n, 0.3, classes.get(side, ["nucleus"])) for side, n in (("a", "X"), ("b", "Y"))]
    summary = Summary(*models, classes.get("truth", ["nucleus"]))
    for one in compared:
        summary.add(one)
    return summary


def test_counts_add_up(compared: list[Compared]) -> None:
    counts = summary_of(compared).counts
    assert sum(counts.values()) == sum(len(one.matches) for one in compared)
    trues = sum(len(one.truth.objects.names) for one in compared if one.truth is not None)
    of_truth = ("alike", "a better", "b better", "a only", "b only", "neither")
    assert sum(counts.get(verdict, 0) for verdict in of_truth) == trues
    of_a = ("alike", "a better", "b better", "a only", "both wrong", "a wrong")
    assert sum(counts.get(verdict, 0) for verdict in of_a) == sum(len(one.a) for one in compared)


def test_table(compared: list[Compared]) -> None:
    summary = summary_of(compared)
    table = summary.table()
    assert "A: X, objects from score 0.3\nB: Y, objects from score 0.3" in table
    assert "2 images, compared by masks" in table
    assert f"{summary.counts['a better']:7d}  found by both, A's outline clearly better" in table
    assert f"{summary.mean_ious()['iou_a_truth']:7.3f}  mean IoU of A and the truth" in table
    listed = table.partition("largest differences:\n")[2].splitlines()
    assert [line.split(":")[0] for line in listed] == [
        str(compared[1].image),
        str(compared[0].image),
    ]
    assert "class " not in table


def test_classes_that_not_all_have(compared: list[Compared]) -> None:
    summary = summary_of(
        compared, a=["nucleus", "cell"], b=["blob"], truth=["nucleus", "ghost", "blob"]
    )
    nuclei = len(summary.rows)
    assert summary.unshared_classes() == {
        "a": {"cell": 0, "nucleus": nuclei},
        "b": {"blob": 0},
        "truth": {"ghost": 0},
    }
    table = summary.table()
    assert f"class nucleus: only A has it ({nuclei} objects)" in table
    assert "class blob: only B has it (0 objects)" in table
    assert "class ghost: only the truth has it (0 objects)" in table


def test_rows_of_the_files(compared: list[Compared]) -> None:
    summary = summary_of(compared)
    content = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    rows = list(csv.DictReader(io.StringIO(summary.to_csv())))
    assert len(rows) == len(content["objects"]) == sum(summary.counts.values())
    assert rows[0]["image"] == content["images"][0]["image"] == str(compared[1].image)
    values = [float(row["disagreement"]) for row in rows if row["image"] == rows[0]["image"]]
    assert values == sorted(values, reverse=True)
    for row, one in zip(rows, content["objects"], strict=True):
        for name, value in one.items():
            told = "" if value is None else value if isinstance(value, str) else str(value)
            assert row[name] == told
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [list(rows[0]), *(row.values() for row in rows)]
    )
    assert summary.to_csv() == text.getvalue()
    both = next(row for row in content["objects"] if row["verdict"] == "a better")
    assert both["iou_a_truth"] >= both["iou_b_truth"] + 0.05
    first = compared[1]
    match = first.matches[0]
    assert first.truth is not None
    if match.truth is not None:
        assert [content["objects"][0][key] for key in ("x", "y", "width", "height")] == list(
            first.truth.objects.box(match.truth)
        )


def test_scores_and_boxes_are_those_of_the_match(compared: list[Compared]) -> None:
    rows = iter(summary_of(compared[:1]).rows)
    one = compared[0]
    for match, row in zip(one.matches, rows, strict=True):
        for result, place, score in (
            (one.a, match.a, row["score_a"]),
            (one.b, match.b, row["score_b"]),
        ):
            assert score == (None if place is None else pytest.approx(result.scores[place]))
