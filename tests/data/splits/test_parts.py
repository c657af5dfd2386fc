"""Files of the parts: every field of the source, and nothing written over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.data.splits.parts import refuse_existing, write_parts
from relook.data.splits.split import Split
from relook.errors import DataError, UsageError

SOURCE: dict[str, Any] = {
    "info": {"version": 1.50, "by": "Zoë"},
    "licenses": [{"id": 3, "name": "CC0"}],
    "images": [
        {"id": 4, "file_name": "d.png", "patient": "x", "license": 3},
        {"id": 2, "file_name": "b.png", "scale": 1e-7},
        {"id": 9, "file_name": "i.png"},
    ],
    "categories": [{"id": 1, "name": "cell", "color": [1, 2, 3]}],
    "annotations": [
        {"id": 7, "image_id": 2, "category_id": 1, "score": 0.5, "attributes": {"a": [None]}},
        {"id": 5, "image_id": 4, "category_id": 1, "bbox": [0, 0, 1.25, 3]},
        {"id": 6, "image_id": 9, "category_id": 1},
    ],
    "videos": [{"id": 1}],
}


def test_every_field_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps(SOURCE))
    split = Split(train=(4, 2), val=(9,), test=(), lines=())
    found = write_parts(path, tmp_path / "out", split)
    assert found == {part: tmp_path / "out" / f"{part}.json" for part in ("train", "val")}
    train, val = (json.loads(found[part].read_text(encoding="utf-8")) for part in ("train", "val"))
    for part, ids in ((train, (4, 2)), (val, (9,))):
        assert list(part) == list(SOURCE)
        assert part["images"] == [row for row in SOURCE["images"] if row["id"] in ids]
        assert part["annotations"] == [r for r in SOURCE["annotations"] if r["image_id"] in ids]
        for key in ("info", "licenses", "categories", "videos"):
            assert part[key] == SOURCE[key]
    assert not (tmp_path / "out" / "test.json").exists()


def test_a_split_of_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps(SOURCE))
    with pytest.raises(DataError, match=r"D04.*has 1 of the 2 images of train"):
        write_parts(path, tmp_path / "out", Split(train=(4, 5), val=(9,), test=(), lines=()))
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps(SOURCE))
    (tmp_path / "val.json").write_text("mine")
    with pytest.raises(UsageError, match=r"U04.*val\.json exists"):
        write_parts(path, tmp_path, Split(train=(4, 2), val=(9,), test=(), lines=()))
    assert (tmp_path / "val.json").read_text() == "mine"
    assert not (tmp_path / "train.json").exists()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="U04"):
        refuse_existing([tmp_path / "link"])
