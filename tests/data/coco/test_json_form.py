from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from relook.data.coco.reader import read_coco
from relook.errors import DataError

Document = dict[str, Any]
Write = Callable[[object], Path]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('{"images": [', "D03", "line 1, column 13"),
        ("", "D03", "line 1, column 1"),
        ("[" * 100_000, "D03", "nested"),
        ('{"images": ' + "9" * 5000 + "}", "D03", "digits"),
        ("[]", "D04", "is a list"),
        ('[{"image_id": 1, "category_id": 1, "score": 0.5}]', "D04", "results"),
        ("3", "D04", "is a number"),
        ("null", "D04", "is null"),
        ("{}", "D04", 'no "images"'),
        ('{"shapes": [], "imagePath": "a.png"}', "D04", "LabelMe"),
        ('{"_via_settings": {}}', "D04", "VIA"),
        ('{"images": {}, "annotations": [], "categories": []}', "D04", '"images" is an object'),
        ('{"images": [], "annotations": []}', "D04", 'no "categories"'),
        (
            '{"images": [], "annotations": [{"segments_info": []}], "categories": []}',
            "D04",
            "panoptic",
        ),
        (
            '{"images": [], "annotations": [{"caption": "a"}], "categories": []}',
            "D04",
            "captions",
        ),
        ('{"images": [3], "annotations": [], "categories": []}', "D04", r'"images"\[0\]'),
    ],
)
def test_files_that_are_not_coco(
    text: str, code: str, said: str, write: Write, images_dir: Path
) -> None:
    with pytest.raises(DataError, match=f"{code}.*train.json.*{said}"):
        read_coco(write(text), images_dir)


def test_the_panoptic_file_of_a_real_data_set(datasets: Path) -> None:
    folder = datasets / "coco_mini"
    with pytest.raises(DataError, match=r"D04.*panoptic"):
        read_coco(folder / "annotations" / "panoptic_val.json", folder / "images")


@pytest.mark.parametrize(("table", "key"), [("categories", "name"), ("images", "file_name")])
def test_half_a_surrogate_pair_is_no_character(
    table: str, key: str, document: Document, write: Write, images_dir: Path
) -> None:
    document[table][0][key] = "bad\ud800name"
    with pytest.raises(DataError, match=rf"D04.*{key} .bad.ud800name.*surrogate"):
        read_coco(write(document), images_dir)
    document[table][0][key] = "\U0001f9ab"  # a whole pair in json
    with pytest.raises(DataError, match="D01") if key == "file_name" else nullcontext():
        read_coco(write(document), images_dir)


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_codings_of_unicode(
    coding: str, document: Document, write: Write, images_dir: Path
) -> None:
    document["categories"][0]["name"] = "Zelle für é"
    path = write(document)
    path.write_bytes(json.dumps(document, ensure_ascii=False).encode(coding))
    assert "Zelle für é" in {c.name for c in read_coco(path, images_dir).classes}
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="D03"):
        read_coco(path, images_dir)


def test_a_file_of_no_unicode_says_what_to_do(
    document: Document, write: Write, images_dir: Path
) -> None:
    document["categories"][0]["name"] = "Zelle é"
    path = write(document)
    path.write_bytes(json.dumps(document, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(DataError, match=r"D03.*is not UTF-8 text \(byte \d+\)\. Save it as UTF-8"):
        read_coco(path, images_dir)


@pytest.mark.parametrize("piece", [5, 2**22])
@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_table_that_is_there_twice_is_refused(
    key: str,
    piece: int,
    document: Document,
    write: Write,
    images_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("relook.data.coco.json_form._PIECE", piece)
    text = json.dumps(document)
    twice = f'{text[:-1]}, "{key}": []}}'
    for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-le"):
        path = write(twice)
        path.write_bytes(twice.encode(coding))
        with pytest.raises(DataError, match=f'D04.*it has "{key}" twice.*Join them'):
            read_coco(path, images_dir)
    document["info"] = {"images": "the word", "annotations": 3, "categories": ["images"]}
    assert read_coco(write(document), images_dir).images


def test_remedies_can_be_typed(document: Document, write: Write, images_dir: Path) -> None:
    document["annotations"].append(copy.deepcopy(document["annotations"][0]))
    path = write(document)
    path = path.rename(path.with_name("my file.json"))
    with pytest.raises(DataError, match="D05") as caught:
        read_coco(path, images_dir)
    assert f"`relook data check '{path}' --fix OUT`" in caught.value.message


def test_binary_file(images_dir: Path) -> None:
    with pytest.raises(DataError, match=r"D03.*UTF-8"):
        read_coco(images_dir / "a.png", images_dir)


@pytest.mark.parametrize("key", ["width", "height"])
@pytest.mark.parametrize("value", [0, -3, "20", 2.5, True, 10**12, math.nan, math.inf, [20]])
def test_sizes_that_no_image_has(
    key: str, value: Any, document: Document, write: Write, images_dir: Path
) -> None:
    document["images"][0][key] = value
    with pytest.raises(DataError, match=f"D04.*image 7 has {key}"):
        read_coco(write(document), images_dir)


@pytest.mark.parametrize("table", ["images", "annotations", "categories"])
def test_ids(table: str, document: Document, write: Write, images_dir: Path) -> None:
    twice = copy.deepcopy(document)
    twice[table].append(copy.deepcopy(twice[table][0]))
    with pytest.raises(DataError, match=f'D05.*"{table}" has id'):
        read_coco(write(twice), images_dir)
    for bad in (True, [7], {}, 7.5, *([] if table == "annotations" else [None, " "])):
        document[table][0]["id"] = bad
        with pytest.raises(DataError, match=rf'D04.*"{table}"\[0\] has id'):
            read_coco(write(document), images_dir)
