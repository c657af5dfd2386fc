"""One result in one file."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.errors import UsageError
from relook.inference.results import Result


def test_the_ending_says_the_kind(odd: Result, tmp_path: Path) -> None:
    result = replace(odd, image=np.zeros((12, 16, 3), np.uint8))
    for name in ("a.csv", "a.tif", "a.zip", "a.geojson", "a.txt", "a.xml", "a.png", "a.jpg"):
        result.save(tmp_path / name)
    rows = list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))
    assert rows[0][:3] == ["image", "id", "class"] and len(rows) == 5
    assert rows[2][2] == "'=crystal"  # no formula
    assert tifffile.imread(tmp_path / "a.tif").max() == 3
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == 3
    assert len(json.loads((tmp_path / "a.geojson").read_text())["features"]) == 3
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 3
    assert len(ET.parse(tmp_path / "a.xml").findall("image/mask")) == 3
    for name, kind in (("a.png", "PNG"), ("a.jpg", "JPEG")):
        with Image.open(tmp_path / name) as picture:
            assert picture.format == kind


def test_json_files_need_their_kind(odd: Result, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"U03: a.json: its ending does not say the kind"):
        odd.save(tmp_path / "a.json")
    with pytest.raises(UsageError, match=r"U01.*did you mean 'labelme'"):
        odd.save(tmp_path / "a.json", "labelm")
    odd.save(tmp_path / "a.json", "coco")
    assert len(json.loads((tmp_path / "a.json").read_text())["annotations"]) == 3
    odd.save(tmp_path / "b.json", "labelme")
    assert json.loads((tmp_path / "b.json").read_text())["imagePath"] == "a.png"
    odd.save(tmp_path / "c.json", "label-studio")
    assert json.loads((tmp_path / "c.json").read_text())[0]["data"]["image"] == "a.png"
