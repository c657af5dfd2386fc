"""Files to be joined are whole, or are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.data.merging.source import Source, content_keys, read_table
from relook.errors import DataError

MakeDataset = Callable[..., Path]


@pytest.fixture
def source(make_dataset: MakeDataset, tmp_path: Path) -> Source:
    return Source(make_dataset(tmp_path, [[(0, 0, 8, 8)], []]), tmp_path / "images")


def test_rows_by_their_ids(source: Source) -> None:
    table = read_table(source)
    assert list(table.images) == [1, 2] and list(table.categories) == [7]
    assert table.paths[2] == source.images / "2.png"
    assert table.annotations[1]["category_id"] == 7
    assert table.name == str(source.json)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda top: top["images"][0].update(file_name="gone.png"), "D01"),
        (lambda top: top["images"][0].update(file_name="../1.png"), "D01"),
        (lambda top: top.pop("categories"), "D04"),
        (lambda top: top["categories"][0].pop("name"), "D04"),
        (lambda top: top["images"][1].update(id=1), "D05"),
        (lambda top: top["annotations"][0].update(image_id=5), "D06"),
        (lambda top: top["annotations"][0].update(image_id=True), "D06"),
        (lambda top: top["annotations"][0].update(category_id="7"), "D07"),
    ],
)
def test_what_cannot_be_joined(source: Source, change: Callable[[Any], Any], code: str) -> None:
    top = json.loads(source.json.read_text())
    change(top)
    source.json.write_text(json.dumps(top))
    with pytest.raises(DataError) as error:
        read_table(source)
    assert error.value.code == code


def test_contents_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abcd"]
    for path, content in zip(paths, (b"xx", b"xy", b"xx", b"z"), strict=True):
        path.write_bytes(content)
    keys = content_keys(paths)
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3
    with pytest.raises(DataError, match=r"D02.*gone"):
        content_keys([tmp_path / "gone"])
