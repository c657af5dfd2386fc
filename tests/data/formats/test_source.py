"""What readers share: files of a source, points and numbers of json and XML."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.data.formats.geometry import UnusableShapeError
from relook.data.formats.image_files import ImageFinder
from relook.data.formats.records import ConvertOptions
from relook.data.formats.source import (
    Source,
    attribute_numbers,
    number_pairs,
    numbers_of,
    outline_of,
    plain_pairs,
    text_number,
)
from relook.errors import DataError, UsageError


def source_of(path: Path, **options: str) -> Source:
    return Source(
        path=path,
        finder=ImageFinder(path, None),
        options=ConvertOptions(**options),  # type: ignore[arg-type]
    )


def test_files_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.json", "a/c.json", ".h/d.json", ".e.json", "f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    source = source_of(tmp_path)
    assert source.files("*.json") == [tmp_path / "a/c.json", tmp_path / "b.json"]
    assert source.folder == tmp_path == source_of(tmp_path / "f.txt").folder
    assert source_of(tmp_path / "f.txt").files("*.json") == [tmp_path / "f.txt"]
    with pytest.raises(DataError, match="has no file that matches"):
        source.files("*.xml")
    with pytest.raises(DataError, match="no such file or folder"):
        source_of(tmp_path / "none").files("*")


def test_the_class_where_a_format_names_none(tmp_path: Path) -> None:
    plain, named = source_of(tmp_path), source_of(tmp_path, class_name="cell")
    assert (plain.one_class(), named.one_class()) == ("object", "cell")
    assert plain.account.lines() and not named.account.lines()
    plain.refuse_class("LabelMe")
    with pytest.raises(UsageError, match="annotations of LabelMe name the class"):
        named.refuse_class("LabelMe")


def test_points_and_numbers() -> None:
    assert number_pairs([[1, 2.00000049], [3, 4, 5]]).tolist() == [[1, 2], [3, 4]]
    assert plain_pairs([[1, 2.00000049]])[0, 1] == 2.00000049
    assert outline_of([[1, 2], [3, 4]]) is None
    assert numbers_of({"a": 1, "b": 2.5}, "a", "b") == [1, 2.5]
    assert attribute_numbers({"a": "1e1"}, "a") == [10]
    assert [text_number(text) for text in (None, "x", "1" * 50, "-2")] == [None, None, None, -2]
    for value in (None, {}, [1], [[1]], [[1, "2"]], [[1, float("nan")]], [[True, 2]]):
        with pytest.raises(UnusableShapeError):
            plain_pairs(value)
    with pytest.raises(UnusableShapeError, match="among a, c"):
        numbers_of({"a": 1}, "a", "c")
