"""Contents of answers, read again."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.app.answers import Predicted, render, result_record
from relook.app.fields import wish_of
from relook.app.negotiation import Choice
from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.inference.results import Result
from relook.ops.rle import encode_window

NAME = "<b>a</b>"


def result_of(source: str = "a.png", objects: int = 2) -> Result:
    """Squares with a hole along the diagonal."""
    window = np.ones((5, 5), bool)
    window[2, 2] = False
    corners = [10 * (k % 3) for k in range(objects)]
    return Result(
        boxes=np.array([[c, c, c + 5, c + 5] for c in corners], np.float32).reshape(-1, 4),
        scores=np.linspace(0.9, 0.5, objects, dtype=np.float32),
        labels=np.zeros(objects, np.int64),
        masks=tuple(encode_window(window, c, c, (40, 30)) for c in corners),
        size=(40, 30),
        classes=(Category(3, NAME),),
        image=np.zeros((40, 30, 3), np.uint8),
        source=source,
    )


def rendered(kind: str, *results: Result, zipped: bool = False, **fields: str) -> bytes:
    predicted = [Predicted("nuts", result, ("shrunk",)) for result in results]
    return render(Choice(kind, zipped), predicted, wish_of(fields.items()))


def test_json_has_run_lengths_polygons_or_no_masks() -> None:
    content: dict[str, Any] = json.loads(rendered("json", result_of(), result_of("b.png")))
    assert content["model"] == "nuts"
    first, second = content["results"]
    assert (first["source"], second["source"]) == ("a.png", "b.png")
    assert first["notices"] == ["shrunk"]
    assert first["objects"][1]["mask"]["size"] == [40, 30]
    (row, _) = result_record(result_of(), "polygons")["objects"]
    assert "mask" not in row
    ((outer, hole),) = row["polygons"]
    assert sorted(map(tuple, outer)) == [(0, 0), (0, 5), (5, 0), (5, 5)]
    assert sorted(map(tuple, hole)) == [(2, 2), (2, 3), (3, 2), (3, 3)]
    (row, _) = result_record(result_of(), "none")["objects"]
    assert not {"mask", "polygons"} & set(row) and row["box"] == [0, 0, 5, 5]


def test_csv_has_a_row_for_each_object_of_all_images() -> None:
    content = rendered("csv", result_of(), result_of("=cmd.png", 1), pixel_size="2um")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["image"] for row in rows] == ["a.png", "a.png", "'=cmd.png"]
    assert [float(row["area"]) for row in rows] == [24, 24, 24]
    assert [float(row["area_um2"]) for row in rows] == [96, 96, 96]


def test_geojson_has_polygons_with_holes() -> None:
    content = json.loads(rendered("geojson", result_of()))
    assert len(content["features"]) == 2
    assert len(content["features"][0]["geometry"]["coordinates"]) == 2
    assert content["features"][0]["properties"]["class"] == NAME  # json is no HTML


def test_label_images_have_the_numbers_of_objects() -> None:
    expected = result_of().label_image()
    picture = Image.open(io.BytesIO(rendered("labels", result_of())))
    assert picture.mode == "I;16" and np.array_equal(np.asarray(picture), expected)
    assert np.array_equal(
        tifffile.imread(io.BytesIO(rendered("labels-tiff", result_of()))), expected
    )
    assert not np.asarray(Image.open(io.BytesIO(rendered("labels", result_of(objects=0))))).any()


def test_more_objects_than_a_png_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relook.app.answers._MOST_IN_PNG", 1)
    with pytest.raises(UsageError, match="U04: a PNG has 16 bits, and there are 2 objects"):
        rendered("labels", result_of())


def test_an_overlay_is_a_picture() -> None:
    picture = Image.open(io.BytesIO(rendered("overlay", result_of(), labels="off")))
    assert picture.format == "PNG"
    assert picture.width * 40 == picture.height * 30  # small images are enlarged
    assert np.asarray(picture).any()


def test_a_zip_has_a_safe_name_for_each_image() -> None:
    names = ["../../etc/passwd", "a.png", "a.png", "..", "C:\\x?.tif", "\x1b[2J"]
    content = rendered("csv", *(result_of(name, 1) for name in names), zipped=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        members = archive.namelist()
    assert len(set(members)) == len(names)
    for number, member in enumerate(members, start=1):
        assert member.startswith(f"{number:03d}-") and member.endswith(".csv")
        assert not {"/", "\\", ":", "\x1b"} & set(member)
