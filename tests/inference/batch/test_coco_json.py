"""``predictions.json``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from relook.data.coco.reader import Category
from relook.data.images import ImageInfo
from relook.errors import RelookError
from relook.inference.batch.coco_json import image_record, write_predictions
from relook.inference.results import Result
from relook.inference.scaling import ImageScale
from relook.ops.rle import encode_mask

CLASSES = (Category(5, "cell"), Category(8, "Zelle\n"))


def result(source: str, num: int, masks: bool = True) -> Result:
    mask = np.zeros((20, 30), bool)
    mask[2:12, 3:13] = True
    return Result(
        boxes=np.array([[3, 2, 13, 12]] * num, np.float32).reshape(-1, 4),
        scores=np.linspace(0.9, 0.4, num, dtype=np.float32),
        labels=np.ones(num, np.int64),
        masks=tuple(encode_mask(mask) for _ in range(num)) if masks else None,
        size=(20, 30),
        classes=CLASSES,
        source=source,
    )


def test_ids_count_up_in_the_order_of_the_images(tmp_path: Path) -> None:
    results = [result("b.png", 2), result("ä.png", 0), result("c.png", 1)]
    path = tmp_path / "predictions.json"
    write_predictions(path, lambda: map(image_record, results), CLASSES)
    found = json.loads(path.read_text())
    assert [(i["id"], i["file_name"]) for i in found["images"]] == [
        (1, "b.png"),
        (2, "ä.png"),
        (3, "c.png"),
    ]
    assert all((i["width"], i["height"]) == (30, 20) for i in found["images"])
    assert [(a["id"], a["image_id"]) for a in found["annotations"]] == [(1, 1), (2, 1), (3, 3)]
    assert found["categories"] == [{"id": 5, "name": "cell"}, {"id": 8, "name": "Zelle\n"}]
    one = found["annotations"][0]
    assert one["bbox"] == [3, 2, 10, 10]
    assert (one["category_id"], one["iscrowd"], one["area"]) == (8, 0, 100)
    assert coco_mask.area(one["segmentation"]) == 100
    assert path.read_text().endswith("]}\n")


def test_boxes_have_the_area_of_the_box(tmp_path: Path) -> None:
    record = image_record(result("a.png", 1, masks=False))
    assert record["objects"][0]["area"] == 100
    assert "segmentation" not in record["objects"][0]


def test_what_is_known_of_an_image_is_beside_its_size(tmp_path: Path) -> None:
    info = ImageInfo(
        format="GeoTIFF",
        axes="YX",
        dtype="uint16",
        used="grey",
        pixel_size=(5e5, 5e5),
        crs="EPSG:32633",
        transform=(0.5, 0.0, 5e5, 0.0, -0.5, 5.3e6),
    )
    scale = ImageScale(factor=2.0, diameter=15.0, basis="as given")
    known = replace(result("a.tif", 1), info=info, scale=scale)
    write_predictions(tmp_path / "p.json", lambda: [image_record(known)], CLASSES)
    (image,) = json.loads((tmp_path / "p.json").read_text())["images"]
    assert image["image"] == json.loads(json.dumps(info.to_json()))
    assert (image["image"]["crs"], image["image"]["transform"][5]) == ("EPSG:32633", 5.3e6)
    assert image["scale"] == scale.to_json()


def test_no_images(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.json", list, CLASSES)
    found = json.loads((tmp_path / "p.json").read_text())
    assert found["images"] == found["annotations"] == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RelookError, match="R02"):
        write_predictions(tmp_path / "file" / "p.json", list, CLASSES)
