"""What a test server would refuse, told with the entry and the reason."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.data.coco.reader import CocoIndex, read_coco
from relook.errors import DataError
from relook.evaluation.submission import check as submission_check
from relook.evaluation.submission.check import Submission, check_submission
from relook.ops.rle import encode_mask

MASK = encode_mask(np.ones((20, 30), dtype=bool))
BOX = {"image_id": 1, "category_id": 4, "bbox": [1.25, 2, 28.75, 18], "score": 0.5}
CODE = {"image_id": 1, "category_id": 4, "segmentation": MASK, "score": 0.5}


@pytest.fixture
def index(tmp_path: Path) -> CocoIndex:
    """Two images of 30 x 20 pixels, one category, no files."""
    path = tmp_path / "image_info.json"
    images = [{"id": i, "file_name": f"{i}.png", "width": 30, "height": 20} for i in (1, 2)]
    path.write_text(json.dumps({"images": images, "categories": [{"id": 4, "name": "nut"}]}))
    return read_coco(path, tmp_path, check_files=False, annotated=False)


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refused(path: Path, index: CocoIndex, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        check_submission(path, index, **options)
    assert caught.value.code == "D16"
    assert path.name in caught.value.message
    return caught.value.message


def test_files_that_keep_to_the_format(index: CocoIndex, tmp_path: Path) -> None:
    rows = [BOX, {**BOX, "image_id": 2, "bbox": [0, 0, 0, 0.0]}, {**BOX, "score": 1}]
    assert check_submission(written(tmp_path / "a.json", rows), index) == Submission("bbox", 3, 2)
    nothing = encode_mask(np.zeros((20, 30), dtype=bool))
    codes = [CODE, {**CODE, "segmentation": nothing, "score": -2.5}]
    assert check_submission(written(tmp_path / "b.json", codes), index) == Submission("segm", 2, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image_id": 3}, "has image_id 3, which is no image of the file"),
        ({"image_id": "1"}, 'has image_id "1", which'),
        ({"image_id": True}, "has image_id true, which"),
        ({"category_id": 1}, "has category_id 1, which is no category of the file"),
        ({"category_id": 4.0}, "has category_id 4.0, which"),
        ({"score": float("nan")}, "has score NaN, a finite number is needed"),
        ({"score": float("inf")}, "has score Infinity"),
        ({"score": None}, "has score null"),
        ({"score": 10**400}, "has score 1000"),
        ({"bbox": [1, 2, -3, 4]}, "whose width or height is negative"),
        ({"bbox": [1, 2, 3]}, "four finite numbers are needed"),
        ({"bbox": [1, 2, 3, float("nan")]}, "four finite numbers are needed"),
        ({"bbox": None}, "four finite numbers are needed"),
        ({"bbox": [1, 2, 29.1, 3]}, "leaves its image of 30x20 pixels"),
        ({"bbox": [-0.1, 2, 3, 4]}, "leaves its image"),
        ({"segmentation": MASK}, "all have a segmentation, or none has"),
    ],
)
def test_entries_of_boxes(
    change: dict[str, Any], why: str, index: CocoIndex, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.json", [BOX, {**BOX, **change}])
    message = refused(path, index)
    assert "a.json: entry 2 " in message
    assert why in message


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"size": [20, 31]}, "is made for size [20, 31], the image has [20, 30]"),
        ({"size": [30, 20]}, "is made for size [30, 20]"),
        ({"counts": [0, 600]}, "no compressed run lengths with counts as text"),
        ({"counts": "0"}, "covers 0 pixels"),
        ({"counts": "\u00e9"}, "characters that no run-length code has"),
    ],
)
def test_entries_of_masks(
    change: dict[str, Any], why: str, index: CocoIndex, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.json", [CODE, {**CODE, "segmentation": {**MASK, **change}}])
    message = refused(path, index)
    assert "entry 2 has a segmentation that " in message
    assert why in message


def test_polygons_and_missing_masks(index: CocoIndex, tmp_path: Path) -> None:
    polygon = {**CODE, "segmentation": [[0, 0, 9, 0, 9, 9]]}
    assert "no compressed run lengths" in refused(written(tmp_path / "a.json", [polygon]), index)
    assert "all have" in refused(written(tmp_path / "b.json", [CODE, BOX]), index)


def test_too_many_in_an_image(index: CocoIndex, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [BOX] * 100 + [{**BOX, "image_id": 2}])
    assert check_submission(path, index).num_entries == 101
    path = written(tmp_path / "a.json", [BOX] * 101)
    assert "entry 101 is number 101 of image 1, and at most 100 are taken" in refused(path, index)
    assert "at most 7 " in refused(path, index, max_dets=7)
    assert check_submission(path, index, 101).num_entries == 101


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a list"),
        ("{}", "not a list"),
        ("[]", "no entries"),
        ("[3]", "entry 1 is 3, not an object"),
        (json.dumps([BOX])[:-1], "no comma after entry 1"),
        (json.dumps([BOX])[:-5], "entry 1 is not json, or was cut off"),
        (json.dumps([BOX]) + "x", "more text after the list"),
        (json.dumps([BOX, BOX]).replace("}, {", "} {"), "no comma after entry 1"),
        (json.dumps([BOX])[:-1] + ",]", "entry 2 is not json"),
        ("[" * 100_000, "entry 1 is not json"),
        ('[{"image_id": 1' + "0" * 5000, "entry 1 is not json"),
    ],
)
def test_files_that_are_no_list_of_entries(
    text: str, why: str, index: CocoIndex, tmp_path: Path
) -> None:
    assert why in refused(written(tmp_path / "a.json", text), index)


def test_chunks_do_not_matter(
    index: CocoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.json", json.dumps([BOX, {**BOX, "image_id": 2}] * 3, indent=1))
    for chunk in (1, 2, 7, 100):
        monkeypatch.setattr(submission_check, "_CHUNK", chunk)
        assert check_submission(path, index) == Submission("bbox", 6, 2)


def test_an_endless_entry_is_not_read_to_its_end(
    index: CocoIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission_check, "_CHUNK", 10)
    monkeypatch.setattr(submission_check, "_LONGEST", 100)
    reads: list[int] = []
    more = submission_check._Text._read_chunk
    monkeypatch.setattr(
        submission_check._Text, "_read_chunk", lambda self: (reads.append(1), more(self))[1]
    )
    assert "entry 1 is not json" in refused(
        written(tmp_path / "a.json", '[{"a": "' + "b" * 5000), index
    )
    assert len(reads) < 20


NAME = "detections_test-dev2017_x_results.json"


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        ([NAME], True),
        (["detections_val2017_my_own_results.json"], True),
        ([f"folder/{NAME}"], False),
        (["results.json"], False),
        ([NAME, "readme.txt"], False),
        ([], False),
    ],
)
def test_zips(names: list[str], fits: bool, index: CocoIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, json.dumps([BOX]))
    if fits:
        assert check_submission(path, index).num_entries == 1
    else:
        assert "outside of any folder" in refused(path, index)


def test_a_broken_zip(index: CocoIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME, json.dumps([BOX]))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"score"', b'"scare"', 1))
    assert "cannot be read" in refused(path, index)
    with pytest.raises(DataError) as caught:
        check_submission(tmp_path / "none.zip", index)
    assert caught.value.code == "D01"
