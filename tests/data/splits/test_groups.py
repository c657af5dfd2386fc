"""Rules by which images belong together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from relook.data.coco.records import CocoIndex
from relook.data.splits.groups import group_names
from relook.errors import DataError, UsageError

MakeIndex = Callable[..., CocoIndex]
NAMES = ["s1/a_1.png", "s1/a_2.png", "s2/b_1.png"]
IMAGES = Path("images")


@pytest.fixture
def index(make_index: MakeIndex) -> CocoIndex:
    return make_index([[0]] * 3, NAMES)


@pytest.mark.parametrize(
    ("rule", "groups"),
    [
        ("folder", ["s1", "s1", "s2"]),
        (r"name:[ab]", ["a", "a", "b"]),
        (r"name:(s\d)/._(\d)", ["s1/1", "s1/2", "s2/1"]),
        (r"name:(?:_(1)|_(2))", ["1", "2", "1"]),
    ],
)
def test_by_name_and_folder(index: CocoIndex, rule: str, groups: list[str]) -> None:
    assert group_names(index, IMAGES, rule) == groups


def test_folders_outside_have_their_whole_name(index: CocoIndex) -> None:
    assert group_names(index, Path("other"), "folder") == ["images/s1", "images/s1", "images/s2"]


def _with_entries(index: CocoIndex, path: Path, fields: list[dict[str, object]]) -> CocoIndex:
    rows = [{"id": number, **more} for number, more in enumerate(fields, start=1)]
    path.write_text(json.dumps({"images": rows}))
    return replace(index, path=path)


def test_by_field(index: CocoIndex, tmp_path: Path) -> None:
    fields: list[dict[str, object]] = [
        {"patient": 7, "at": [1, 2]},
        {"patient": "7"},
        {"patient": 0},
    ]
    index = _with_entries(index, tmp_path / "a.json", fields)
    assert group_names(index, IMAGES, "field:patient") == ["7", "7", "0"]
    with pytest.raises(UsageError, match=r"gives 2 of 3 images no group: s1/a_2.png, s2/b_1.png"):
        group_names(index, IMAGES, "field:at")
    with pytest.raises(UsageError, match="Its fields: id, patient, at"):
        group_names(index, IMAGES, "field:slide")


@pytest.mark.parametrize(
    "table",
    [
        "image,group\ns1/a_1.png,x\ns1\\a_2.png,x\nb_1.png,y\nunused.png,z\n",
        "\ufeffgroup;image;more\nx;./s1/a_1.png;1\nx;a_2.png;\n\ny;s2/b_1.png;\n",
    ],
)
def test_by_table(index: CocoIndex, tmp_path: Path, table: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(table, encoding="utf-8")
    assert group_names(index, IMAGES, f"csv:{path}") == ["x", "x", "y"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("name,group\na,b\n", "has no column 'image'; it has name, group"),
        ("image,group\ns1/a_1.png,x\ns1/a_1.png,y\n", "into two groups, 'x' and 'y'"),
        ("image,group\ns1/a_1.png\n", "row 2 has 1 values for 2 columns"),
        ("image,group\ns1/a_1.png,x\na_2.png,\n", "no group: s1/a_2.png, s2/b_1.png"),
    ],
)
def test_tables_that_cannot_be_used(
    index: CocoIndex, tmp_path: Path, table: str, words: str
) -> None:
    (tmp_path / "groups.csv").write_text(table)
    with pytest.raises(UsageError, match="U03") as error:
        group_names(index, IMAGES, f"csv:{tmp_path / 'groups.csv'}")
    assert words in str(error.value)


def test_rules_that_cannot_be_used(index: CocoIndex, tmp_path: Path) -> None:
    for rule in ("slide", "name:", "folder:x", "patient:7"):
        with pytest.raises(UsageError, match=r"is no rule\. Give folder"):
            group_names(index, IMAGES, rule)
    with pytest.raises(UsageError, match="is no regular expression"):
        group_names(index, IMAGES, "name:(")
    with pytest.raises(UsageError, match="gives 1 of 3 images no group"):
        group_names(index, IMAGES, "name:a_")
    for missing in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="D01"):
            group_names(index, IMAGES, f"csv:{missing}")
