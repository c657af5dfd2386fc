"""Run lengths of polygons, many at once: those of one polygon after the other, or none."""

import json
import math

import pytest

from relook.evaluation.ground_truth import safe_rle
from relook.evaluation.polygon_codes import polygon_codes

from .conftest import load_annotations

SIZES = {1: (40, 50), 2: (30, 30)}
SQUARE = [2, 3, 9, 3, 9.5, 12, 2, 12]


def decoded(code):
    counts = code["counts"]
    return list(code["size"]), counts.decode() if isinstance(counts, bytes) else counts


@pytest.mark.parametrize("name", ["nuclei", "coco_mini"])
def test_codes_of_real_objects(name):
    content = load_annotations(name)
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    codes = polygon_codes(content["annotations"], sizes)
    plain = [(code, row) for code, row in zip(codes, content["annotations"], strict=True) if code]
    assert len(plain) > 0.5 * len(codes) or name == "nuclei"
    for code, row in plain:
        assert decoded(code) == decoded(safe_rle(row["segmentation"], sizes[row["image_id"]]))


def test_parts_are_joined():
    parts = [SQUARE, [20.5, 20, 29, 20, 29, 29]]
    [code] = polygon_codes([{"image_id": 1, "segmentation": parts}], SIZES)
    assert decoded(code) == decoded(safe_rle(parts, SIZES[1]))


@pytest.mark.parametrize(
    "row",
    [
        *({"segmentation": [SQUARE], **more} for more in ({}, {"image_id": 9}, {"image_id": "1"})),
        *({"image_id": 2, "segmentation": value} for value in (None, [], "x", [[1, 2]], {})),
        {"image_id": 2, "segmentation": [SQUARE, [1, 1, 9, 1, 9, 9, 1]]},
        {"image_id": 2, "segmentation": [[1, 1, 9, 1, 31, 9]]},
        {"image_id": 2, "segmentation": [[1, 1, 9, 1, math.nan, 9]]},
        {"image_id": 2, "segmentation": [[1.1, 1.1, 1.2, 1.1, 1.2, 1.2]]},
    ],
    ids=lambda row: json.dumps(row)[:60],
)
def test_all_others_are_looked_at_one_by_one(row):
    square = {"image_id": 1, "segmentation": [SQUARE]}
    codes = polygon_codes([row, square], SIZES)
    assert codes[0] is None
    assert codes[1] is not None
    assert polygon_codes([], SIZES) == []
