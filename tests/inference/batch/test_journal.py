"""What a run has finished outlives it, and is not mixed with another run's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.errors import DataError, ModelError, RelookError, UsageError
from relook.inference.batch.journal import FOLDER, FORMAT, Journal, read_records

SETTINGS = {"model": "ab" * 32, "size": (64, 48), "score": None}


def record(source: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "name": source[:1], "stamp": [3, 4], "count": 2, **more}


def found(category: int) -> dict[str, Any]:
    """The part of a record that has objects."""
    entry = {"bbox": [1.0, 1, 2, 2], "score": 0.5, "area": 4.0, "category_id": category}
    return {"file_name": "ä.png", "width": 9, "height": 9, "objects": [entry]}


def test_lines_of_all_processes_are_found_and_read(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path, 1)
    assert not first.begin(SETTINGS, resume=False)
    with first, second:
        first.add(record("a.png", **found(1)))
        second.add(record("b.png", **found(2)))
        first.add(record("c.png", error="no image"))
        lines = first.lines()
    assert set(lines) == {"a.png", "b.png", "c.png"}
    assert (lines["a.png"].name, lines["a.png"].stamp, lines["a.png"].objects) == ("a", [3, 4], 2)
    assert [lines[s].error for s in ("a.png", "b.png", "c.png")] == [None, None, "no image"]
    order = [lines["b.png"], lines["a.png"], lines["b.png"]]
    read = [one["objects"] for one in read_records(order)]
    assert read == [found(category)["objects"] for category in (2, 1, 2)]
    first.remove()
    assert list(tmp_path.iterdir()) == []
    first.remove()
    assert first.lines() == {}


def test_a_line_that_was_cut_off_is_left_out_and_written_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(SETTINGS, resume=False)
    with journal:
        journal.add(record("a.png"))
        journal.add(record("b.png"))
    path = tmp_path / FOLDER / "0.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    again = Journal(tmp_path)
    assert again.begin(SETTINGS, resume=True)
    lines = again.lines()
    assert list(lines) == ["a.png"]
    again.keep(lines.values())
    with again:
        again.add(record("b.png", count=5))
    assert {source: line.objects for source, line in again.lines().items()} == {
        "a.png": 2,
        "b.png": 5,
    }


def test_what_is_not_kept_is_gone(tmp_path: Path) -> None:
    for round_ in range(3):  # what was kept before is kept again
        journal = Journal(tmp_path, round_)
        assert journal.begin(SETTINGS, resume=True) == (round_ > 0)
        lines = journal.lines()
        journal.keep(line for source, line in lines.items() if source != "drop.png")
        with journal:
            journal.add(record(f"{round_}.png"))
            journal.add(record("drop.png"))
    assert sorted(journal.lines()) == ["0.png", "1.png", "2.png", "drop.png"]
    texts = [p.read_text() for p in (tmp_path / FOLDER).glob("*.jsonl")]
    assert "".join(texts).count("drop.png") == 1


def test_another_model_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(SETTINGS, resume=False)
    with journal:
        journal.add(record("a.png"))
    with pytest.raises(
        UsageError, match=r"U04: --resume.*model was abab.*, is cdcd.*--out"
    ) as caught:
        journal.begin({**SETTINGS, "model": "cd" * 32}, resume=True)
    assert "size" not in str(caught.value)
    assert list(journal.lines()) == ["a.png"]
    assert not journal.begin(SETTINGS, resume=False)
    assert journal.lines() == {}
    assert json.loads((tmp_path / FOLDER / "settings.json").read_text())["size"] == [64, 48]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(RelookError, match="R02"):
        Journal(tmp_path / "out").begin(SETTINGS, resume=False)
    with pytest.raises(RelookError, match="R02"), Journal(tmp_path / "out"):
        pass


@pytest.mark.parametrize("place", range(0, 60, 5))
def test_a_damaged_line_is_left_out_whatever_is_damaged(place: int, tmp_path: Path) -> None:
    """A digit of a box that is another digit would change results in silence."""
    journal = Journal(tmp_path)
    journal.begin(SETTINGS, resume=False)
    with journal:
        journal.add(record("a.png", **found(1)))
        journal.add(record("b.png", **found(2)))
    path = tmp_path / FOLDER / "0.jsonl"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert list(journal.lines()) == ["b.png"]


def test_lines_without_checksums_are_read_where_they_are_whole(tmp_path: Path) -> None:
    """As format 1 had them."""
    (tmp_path / FOLDER).mkdir()
    broken = [
        {},
        {**record("x"), "count": "2"},
        {**record("x"), "stamp": 3},
        {**record("x"), **found(1), "width": None},
        {**record("x"), **found(1), "objects": [3]},
        {**record("x"), **found(1), "objects": [{**found(1)["objects"][0], "bbox": [1, 2]}]},
        {**record("x"), **found(1), "objects": [{**found(1)["objects"][0], "score": None}]},
        {**record("x"), **found(1), "objects": [{**found(1)["objects"][0], "segmentation": []}]},
    ]
    rows = [record("a.png", **found(1)), *broken, record("b.png")]
    text = "".join(f"{json.dumps(row)}\n" for row in rows) + "[" * 90_000 + "\n"
    (tmp_path / FOLDER / "0.jsonl").write_text(text)
    lines = Journal(tmp_path).lines()
    assert list(lines) == ["a.png", "b.png"]
    assert list(Journal(tmp_path).lines(with_objects=True)) == ["a.png"]
    assert next(read_records([lines["a.png"]]))["objects"] == found(1)["objects"]


def test_settings_that_are_damaged_or_newer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(SETTINGS, resume=False)
    path = tmp_path / FOLDER / "settings.json"
    before = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in before.items() if k != "format"}))  # format 1
    assert journal.begin(SETTINGS, resume=True)
    path.write_text(json.dumps({**before, "format": FORMAT + 1}))
    with pytest.raises(ModelError, match=r"M03.*Update relook, or leave --resume out"):
        journal.begin(SETTINGS, resume=True)
    for content in ("[]", "{", "[" * 90_000):
        path.write_text(content)
        with pytest.raises(DataError, match=r"D03.*damaged.*Leave --resume out"):
            journal.begin(SETTINGS, resume=True)
    assert not journal.begin(SETTINGS, resume=False)
