"""What a run has finished outlives it, and is not mixed with another run's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.errors import RelookError, UsageError
from relook.inference.batch.journal import FOLDER, Journal, read_records

SETTINGS = {"model": "ab" * 32, "size": (64, 48), "score": None}


def record(source: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "name": source[:1], "stamp": [3, 4], "count": 2, **more}


def test_lines_of_all_processes_are_found_and_read(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path, 1)
    assert not first.begin(SETTINGS, resume=False)
    with first, second:
        first.add(record("a.png", objects=[1, "ä"]))
        second.add(record("b.png", objects=[2]))
        first.add(record("c.png", error="no image"))
        lines = first.lines()
    assert set(lines) == {"a.png", "b.png", "c.png"}
    assert (lines["a.png"].name, lines["a.png"].stamp, lines["a.png"].objects) == ("a", [3, 4], 2)
    assert [lines[s].error for s in ("a.png", "b.png", "c.png")] == [None, None, "no image"]
    order = [lines["b.png"], lines["a.png"], lines["b.png"]]
    assert [one["objects"] for one in read_records(order)] == [[2], [1, "ä"], [2]]
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
    (tmp_path / FOLDER / "settings.json").write_text("{")
    with pytest.raises(UsageError, match="U04"):
        journal.begin(SETTINGS, resume=True)
    assert not journal.begin(SETTINGS, resume=False)
    assert journal.lines() == {}
    assert json.loads((tmp_path / FOLDER / "settings.json").read_text())["size"] == [64, 48]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(RelookError, match="R02"):
        Journal(tmp_path / "out").begin(SETTINGS, resume=False)
    with pytest.raises(RelookError, match="R02"), Journal(tmp_path / "out"):
        pass
