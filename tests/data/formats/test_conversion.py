"""Every format from its files to COCO: recognised, exact, whole or absent, and never a crash."""

from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import relook
from relook.data.coco.reader import object_mask, read_coco
from relook.data.formats import FORMATS, convert, recognised
from relook.errors import DataError, UsageError
from relook.inference.results import Result
from relook.inference.writers.cvat import cvat_document, cvat_image
from relook.inference.writers.geojson import write_geojson
from relook.inference.writers.label_studio import label_studio_task
from relook.inference.writers.labelme import labelme_record
from relook.inference.writers.rois import write_rois
from relook.inference.writers.yolo import yolo_lines, yolo_yaml
from relook.runtime.json_files import write_json

from ...inference.writers.conftest import small_result
from .conftest import block
from .samples import write_sample


@pytest.mark.parametrize("name", FORMATS)
def test_the_folder_that_one_is_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "set", name)
    monkeypatch.chdir(tmp_path / "set")
    conversion = relook.convert_labels(".", tmp_path / "out.json")
    assert conversion.lines[0].startswith("set (")
    assert read_coco(conversion.json, conversion.images).num_objects > 0


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognised_and_converted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    file = write_sample(folder, name)
    assert recognised(folder) == name
    monkeypatch.chdir(tmp_path)
    rectangles = "boxes" if name in ("label-images", "cellpose") else "masks"
    conversion = relook.convert_labels("set", "out.json", rectangles=rectangles)
    index = read_coco(tmp_path / "out.json", conversion.images, masks="required")
    mask = object_mask(index.images[0].objects[0], 12, 16)
    assert np.array_equal(mask, block(1, 2, 5, 6))
    assert FORMATS[name][0] in conversion.lines[0]
    assert conversion.json == Path("out.json")
    assert isinstance(conversion, relook.Conversion)
    assert not any("without annotations" in line for line in conversion.lines)
    if name != "label-images":
        assert file.suffix == ".txt" or recognised(file) == name


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_changed_bytes_end_in_a_file_or_an_error(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "set", Path(place) / "out.json"
        file = write_sample(folder, name)
        content = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(content) - 1))
            length = data.draw(st.integers(0, 4))
            content[start : start + length] = data.draw(st.binary(max_size=4))
        file.write_bytes(content)
        with contextlib.suppress(DataError):
            convert(folder, out, format=name)
            json.loads(out.read_text())
        recognised(folder)


_ODD = ["null", "true", "-1", str(2**70), "1e308", '"x"', "[]", "{}", "[[]]", '{"a": 1}', "[1, 2]"]


@pytest.mark.parametrize("name", ["labelme", "via", "label-studio", "qupath", "supervisely"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_changed_values_end_in_a_file_or_an_error(name: str, data: st.DataObject) -> None:
    odd = st.sampled_from(_ODD).map(json.loads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        file = write_sample(folder, name)
        top = json.loads(file.read_text())
        for _ in range(data.draw(st.integers(1, 2))):
            here = top
            while True:  # down to a random place
                keys = list(here) if isinstance(here, dict) else list(range(len(here)))
                if not keys:
                    break
                key = data.draw(st.sampled_from(keys))
                if not isinstance(here[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
                    here[key] = data.draw(odd)
                    break
                here = here[key]
        file.write_text(json.dumps(top))
        with contextlib.suppress(DataError):
            convert(folder, Path(place) / "out.json", format=name)


def _write(result: Result, name: str, folder: Path) -> None:
    """Write `result` as relook itself saves it."""
    if name == "labelme":
        write_json(folder / "a.json", labelme_record(result, "a.png"))
    elif name == "label-studio":
        write_json(folder / "a.json", iter([label_studio_task(result, "a.png")]))
    elif name == "cvat":
        (folder / "a.xml").write_bytes(
            cvat_document([cvat_image(result, 0, "a.png")], result.names[:1])
        )
    elif name == "yolo":
        (folder / "a.txt").write_text("\n".join(yolo_lines(result)))
        (folder / "data.yaml").write_text(yolo_yaml(result.classes))
    elif name == "imagej":
        write_rois(folder / "a.zip", result)
    else:
        with (folder / "a.geojson").open("w") as file:
            write_geojson(file, result)


@pytest.mark.parametrize("name", ["labelme", "label-studio", "cvat", "yolo", "imagej", "qupath"])
def test_masks_of_noise_come_back(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    masks = [random.random((23, 31)) < share for share in (0.05, 0.3, 0.5, 0.9)]
    folder = tmp_path / "set"
    folder.mkdir()
    Image.new("RGB", (31, 23)).save(folder / "a.png")
    _write(replace(small_result(masks), labels=np.zeros(4, np.int64)), name, folder)
    conversion = convert(folder, tmp_path / "out.json")
    index = read_coco(conversion.json, conversion.images, masks="required")
    found = [object_mask(record, 23, 31) for record in index.images[0].objects]
    assert len(found) == 4
    assert all(np.array_equal(a, b) for a, b in zip(found, masks, strict=True))
    rows = json.loads(conversion.json.read_text())["annotations"]
    assert [row["area"] for row in rows] == [mask.sum() for mask in masks]


def test_an_image_that_is_annotated_twice_is_one_image(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    record = json.loads(write_sample(folder, "labelme").read_text())
    (folder / "again.json").write_text(json.dumps(record))
    lines = convert(folder, tmp_path / "out.json").lines
    content = json.loads((tmp_path / "out.json").read_text())
    assert [len(content[key]) for key in ("images", "annotations")] == [1, 2]
    assert any("annotated in several places, objects joined" in line for line in lines)
    with Image.open(folder / "a.png") as image:
        exif = image.getexif()
        exif[274] = 6
        image.save(folder / "a.png", exif=exif)
    record |= {"imageHeight": 16, "imageWidth": 12}
    (folder / "again.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="in two sizes"):
        convert(folder, tmp_path / "out.json")


def test_names_that_no_text_can_hold(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    file = write_sample(folder, "labelme")
    record = json.loads(file.read_text())
    record["shapes"][0]["label"] = "\ud800\x1b[2Jcell"
    file.write_text(json.dumps(record))
    lines = convert(folder, tmp_path / "out.json").lines
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["categories"][0]["name"] == "\ud800\x1b[2Jcell"
    assert "classes: \\ud800\\x1b[2Jcell 1" in lines


def test_rectangles_beside_masks_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    file = write_sample(folder, "labelme")
    record = json.loads(file.read_text())
    record["shapes"].append(
        record["shapes"][0] | {"shape_type": "rectangle", "points": [[1, 1], [9, 9]]}
    )
    file.write_text(json.dumps(record))
    lines = convert(folder, tmp_path / "out.json").lines
    assert any("1 object with a box only, a rectangle" in line for line in lines)


def test_what_is_asked_for_must_fit(tmp_path: Path) -> None:
    folder, out = tmp_path / "set", tmp_path / "out.json"
    file = write_sample(folder, "labelme")
    for options, code in (
        ({"format": "labelmi"}, "U01"),
        ({"rectangles": "round"}, "U03"),
        ({"objects": "all"}, "U03"),
        ({"class_name": " "}, "U03"),
        ({"class_name": "cell"}, "U04"),
        ({"attribute": "name"}, "U04"),
        ({"objects": "ids"}, "U04"),
    ):
        with pytest.raises(UsageError) as caught:
            convert(folder, out, **options)  # type: ignore[arg-type]
        assert caught.value.code == code
    for target in (file, folder):
        with pytest.raises(UsageError, match="U04"):
            convert(file, target)
    with pytest.raises(DataError, match="there is no such file or folder"):
        convert(folder / "none", out)
    with pytest.raises(DataError, match="of no annotation format that is recognised"):
        convert(folder / "a.png", out)
    assert not out.exists()
    assert file.stat().st_size
