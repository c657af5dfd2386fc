"""What is no file of a tool is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.data.formats import convert
from relook.data.formats.recognition import (
    is_coco,
    label_stem,
    marked_labels,
    mask_stem,
    pointer_in,
    recognised,
    recognised_with,
)
from relook.errors import DataError

from .samples import write_sample

COCO = {"info": {}, "images": [], "annotations": [{"segmentation": []}], "categories": []}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("coco.json", json.dumps(COCO)),
        ("results.json", '[{"image_id": 1, "score": 0.5}]'),
        ("a.json", "{"),
        ("a.json", ""),
        ("a.xml", "<svg/>"),
        ("a.yaml", "model: 3\n"),
        ("a.zip", "PK\3\4"),
        ("a.txt", "0 0.5 0.5 0.5 0.5\n"),
        ("a.bin", "\0\1"),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert recognised(tmp_path / name) is None
    assert recognised(tmp_path) is None
    assert recognised(tmp_path / "none") is None


@pytest.mark.parametrize(
    "head",
    ["", "\ufeff<?xml version='1.0'?>\n", "<!-- by a > b -->", "<?a b?>\n<!DOCTYPE annotation>\n"],
)
def test_the_first_element_of_an_xml_file_tells_its_tool(tmp_path: Path, head: str) -> None:
    (tmp_path / "a.xml").write_text(f"{head}<annotation><folder/></annotation>", "utf-8")
    assert recognised(tmp_path / "a.xml") == "voc"
    (tmp_path / "a.xml").write_text(f"{head}<!-- <annotation> --><svg/>", "utf-8")
    assert recognised(tmp_path / "a.xml") is None


@pytest.mark.parametrize("name", ["a.xml", "a.yaml", "a.json"])
def test_blanks_take_no_time(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n \t" * 90_000)
    assert recognised(tmp_path / name) is None


def test_pointers_are_found(tmp_path: Path) -> None:
    assert pointer_in(tmp_path) is None
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "b.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert pointer_in(tmp_path) == pointer_in(tmp_path / "b.json") == tmp_path / "b.json"
    assert pointer_in(tmp_path / "none") is None
    with pytest.raises(DataError, match="is a pointer of Git LFS"):
        convert(tmp_path, tmp_path / "out.json")


def test_what_is_refused_by_name(tmp_path: Path) -> None:
    project = {"project": {"pid": "x", "data_format_version": "3.1.1"}, "metadata": {}, "view": {}}
    least = [{"image": "a.png", "id": 1, "label": [], "annotator": 1, "annotation_id": 1}]
    for content, words in ((project, "VIA 3"), (least, "JSON-MIN")):
        (tmp_path / "a.json").write_text(json.dumps(content))
        with pytest.raises(DataError, match=words):
            convert(tmp_path / "a.json", tmp_path / "out.json")


def test_coco_beside_images_is_not_taken_for_label_images(tmp_path: Path) -> None:
    for name in ("images", "annotations"):
        (tmp_path / name).mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "images" / "a.png")
    (tmp_path / "annotations" / "instances.json").write_text(json.dumps(COCO))
    assert recognised(tmp_path) is None


def test_panoptic_maps_are_not_taken_for_label_images(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "a.png")
    assert recognised(tmp_path) == "label-images"
    (tmp_path / "panoptic.json").write_text(json.dumps(COCO))
    assert recognised(tmp_path) is None
    assert is_coco(tmp_path / "panoptic.json") and not is_coco(tmp_path)
    with pytest.raises(DataError, match="is a COCO file, which needs no conversion"):
        convert(tmp_path / "panoptic.json", tmp_path / "out.json")


def test_files_by_their_content(tmp_path: Path) -> None:
    for name in ("labelme", "cvat", "label-studio", "qupath", "via"):
        file = write_sample(tmp_path / name, name)
        other = file.with_suffix(".txt")
        file.rename(other)
        assert recognised(other) == name


@pytest.mark.parametrize("name", ["labelme", "label-studio", "qupath", "via"])
def test_json_in_utf_16_is_recognised_and_read(tmp_path: Path, name: str) -> None:
    file = write_sample(tmp_path / name, name)
    file.write_bytes(file.read_text().encode("utf-16"))
    assert recognised(file) == name
    convert(file, tmp_path / "out.json")


def test_folders_of_images_are_labels_where_images_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "x.png")
    assert recognised(tmp_path / "a") is None
    assert recognised_with(tmp_path / "a", tmp_path / "b") == "label-images"
    assert recognised_with(tmp_path / "a" / "x.png", tmp_path / "b") == "label-images"
    assert recognised_with(tmp_path / "a", tmp_path / "a") is None
    np.save(tmp_path / "a" / "x_seg.npy", np.zeros(3))
    assert recognised_with(tmp_path / "a", tmp_path / "b") == "cellpose"


def test_names_of_masks() -> None:
    names = ("a_cp_masks.png", "a_masks.tif", "a_mask.png", "mask.png", "a.png")
    assert [mask_stem(Path(name)) for name in names] == ["a", "a", None, None, None]
    assert [label_stem(Path(name)) for name in names] == ["a", "a", "a", None, None]
    places = [Path("x", name) for name in (*names, "b_seg.npy", "B.tif", "c_mask.png")]
    assert [path.name for path in marked_labels(places)] == [*names[:3], "b_seg.npy"]
