"""The page about an evaluation and its tables."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from relook.data.coco.reader import read_coco
from relook.evaluation.coco import evaluate_coco
from relook.reports.evaluation import study, write_evaluation

from .conftest import FOUND, HOSTILE, Make


def test_everything_is_written(make_study: Make, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "out", "nuts", make_study())
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {"classes.csv", "pr_curves.csv", "f1_curve.csv", "confusion.csv", "errors.csv"}
    tables.add("images.csv")
    assert names == {"report.html", *tables}
    page = (tmp_path / "out" / "report.html").read_text()
    for words in ("<title>nuts</title>", "Worst images", "Missed objects", "Confusion matrix"):
        assert words in page
    with (tmp_path / "out" / "confusion.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["nut", "1", "1", "0"]


def test_names_of_classes_and_files_are_no_html(make_study: Make, tmp_path: Path) -> None:
    sly = "<script>alert(1)<&.png"
    write_evaluation(tmp_path / "out", HOSTILE, make_study(HOSTILE, (sly, "b.png")))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert '<img src="x' not in page
    assert "&lt;script&gt;alert(1)&lt;&amp;.png" in page
    assert "onerror=&quot;alert(1)&quot;" in page


def test_a_part_of_the_images_is_only_what_was_evaluated(make_study: Make, tmp_path: Path) -> None:
    index = make_study().index
    metrics = evaluate_coco(index.path, FOUND[:2], image_ids=[1], count_from=0.5)
    found = study(index, metrics, FOUND[:2], 0.5, limit=1)
    assert [one.image_id for one in found.images] == [1]
    assert found.confusion.matrix.sum() == 3
    assert {kind.name: kind.count for kind in found.split.kinds}["missed"] == 1


@pytest.mark.parametrize("predictions", [[], FOUND])
def test_images_without_objects(predictions: list, make_study: Make, tmp_path: Path) -> None:
    path = make_study().index.path
    content = json.loads(path.read_text())
    content["annotations"] = []
    path.write_text(json.dumps(content))
    index = read_coco(path, path.parent)
    metrics = evaluate_coco(path, predictions, count_from=0.5)
    write_evaluation(tmp_path / "out", "none", study(index, metrics, predictions, 0.5))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)
    assert ("False detections" in page) == bool(predictions)
