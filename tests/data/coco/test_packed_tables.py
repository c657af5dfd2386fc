"""Tables read row by row: equal to those of a strict reader, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.data.coco.packed_polygons import PackedPolygons
from relook.data.coco.packed_tables import packed_tables

Document = dict[str, Any]


def unpacked(tables: Document | None) -> Document:
    assert tables is not None
    for row in tables["annotations"]:
        if isinstance(row, dict) and isinstance(row.get("segmentation"), PackedPolygons):
            row["segmentation"] = row["segmentation"].lists()
    return tables


def test_tables_are_those_of_the_file(document: Document, tmp_path: Path) -> None:
    document["annotations"] += [None, 3, [1], {}, {"segmentation": [[1, 2.5]], "text": "\u00e4"}]
    document["info"] = {"year": 2026}
    path = tmp_path / "train.json"
    for is_ascii in (True, False):
        text = json.dumps(document, ensure_ascii=is_ascii)
        path.write_text(text, encoding="utf-8-sig")
        tables = packed_tables(path)
        assert tables is not None
        kinds = [type(tables["annotations"][row]["segmentation"]) for row in (0, 1)]
        assert kinds == [PackedPolygons, dict]
        assert repr(sorted(unpacked(tables).items())) == repr(sorted(json.loads(text).items()))


def test_a_file_without_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": []}')
    assert packed_tables(path) == {"images": []}


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"3", b'{"annotations": {}}', b'{"annotations": [NaN]}', b"\xff\xfe{\0}\0"),
        *(b'{"a": "\\ud800", "annotations": []}', b'{"annotations": [1], "a": 1e400}'),
        *(b'{"a": "\xff", "a": 1, "annotations": []}', b'{"annotations": [' + b"[" * 100_000),
        b'{"annotations": [{"id": ' + b"9" * 5000 + b"}]}",
    ],
    ids=lambda text: repr(text[:30]),
)
def test_unusual_files_are_left_to_the_strict_reader(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text)
    assert packed_tables(path) is None
    assert packed_tables(tmp_path / "no.json") is None


def test_the_reader_gives_polygons_as_they_are_written(
    document: Document, write: Callable[[object], Path], images_dir: Path
) -> None:
    from relook.data.coco.reader import read_coco

    index = read_coco(write(document), images_dir)
    first = index.images[0].objects[0]
    assert isinstance(first.mask, PackedPolygons)
    assert repr(first.segmentation) == repr(document["annotations"][0]["segmentation"])
