"""Files of all images of a run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml

from relook.data.coco.reader import Category
from relook.inference.batch.coco_json import image_record
from relook.inference.batch.common_files import write_common
from relook.inference.batch.writer import Writer
from relook.inference.results import Result
from relook.ops.rle import encode_mask

CLASSES = (Category(3, "cell"), Category(7, "=crystal"))
KINDS = ("coco", "csv", "counts", "coco-polygons", "label-studio", "cvat", "yolo")


def result(source: str, count: int) -> Result:
    masks = np.zeros((count, 12, 16), bool)
    for row in range(count):
        masks[row, 2 * row : 2 * row + 2, 1:5] = True
    return Result(
        boxes=np.array([[1, 2 * row, 5, 2 * row + 2] for row in range(count)], np.float32).reshape(
            -1, 4
        ),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        labels=np.arange(count) % 2,
        masks=tuple(encode_mask(mask) for mask in masks),
        size=(12, 16),
        classes=CLASSES,
        source=source,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of three images, one of them without objects."""
    records: list[dict[str, Any]] = []
    writer = Writer(tmp_path, KINDS)
    for source, count in (("x/a.png", 3), ("x/none.png", 0), ("x/b.png", 2)):
        one = result(source, count)
        records.append(writer.write(one, Path(source).stem) | image_record(one))
    stored = [json.loads(json.dumps(record)) for record in records]
    write_common(tmp_path, KINDS, lambda: stored, CLASSES)
    return tmp_path


def test_objects_of_all_images_are_rows_of_one_table(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "objects.csv").read_text().splitlines()))
    assert [(row["image"], row["id"]) for row in rows] == [
        ("x/a.png", "1"),
        ("x/a.png", "2"),
        ("x/a.png", "3"),
        ("x/b.png", "1"),
        ("x/b.png", "2"),
    ]
    assert rows[1]["class"] == "'=crystal" and rows[1]["area"] == "8"


def test_counts_end_with_those_of_all_images(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "counts.csv").read_text().splitlines()))
    assert [row["count"] for row in rows] == ["2", "1", "0", "0", "1", "1", "3", "2"]
    assert rows[-2]["image"] == "all images"


def test_polygons_run_lengths_and_tools_have_the_same_objects(folder: Path) -> None:
    polygons = json.loads((folder / "annotations.json").read_text())
    lengths = json.loads((folder / "predictions.json").read_text())
    assert [row["id"] for row in polygons["annotations"]] == [1, 2, 3, 4, 5]
    assert [row["image_id"] for row in polygons["annotations"]] == [1, 1, 1, 3, 3]
    assert [image["file_name"] for image in polygons["images"]] == [
        image["file_name"] for image in lengths["images"]
    ]
    assert [row["area"] for row in polygons["annotations"]] == [
        row["area"] for row in lengths["annotations"]
    ]
    tasks = json.loads((folder / "label-studio.json").read_text())
    assert [len(task["predictions"][0]["result"]) for task in tasks] == [3, 0, 2]
    images = ET.parse(folder / "cvat.xml").findall("image")
    assert [len(image.findall("mask")) for image in images] == [3, 0, 2]
    assert [len((folder / "yolo" / f"{n}.txt").read_text().splitlines()) for n in ("a", "b")] == [
        3,
        2,
    ]
    assert yaml.safe_load((folder / "yolo" / "data.yaml").read_text())["names"][1] == "=crystal"
    assert ET.parse(folder / "label-studio.xml").find("Image") is not None


def test_a_table_of_pandas_has_the_same_values(folder: Path, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    records = [Writer(tmp_path, ["parquet"]).write(result("a.png", 2), "a")]
    write_common(tmp_path, ["parquet"], lambda: records, CLASSES)
    table = pd.read_parquet(tmp_path / "objects.parquet")
    assert table["class"].tolist() == ["cell", "=crystal"]
