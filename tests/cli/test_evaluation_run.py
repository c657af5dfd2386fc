"""The report and the difference of an evaluation."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from relook.cli import evaluation_run
from relook.cli.evaluation_run import print_difference, write_images_and_report
from relook.evaluation import image_table
from relook.evaluation.crowding import table
from relook.reports import evaluation as reports


def test_a_title_makes_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr(image_table, "write_images", lambda path, *_: written.append(path))
    monkeypatch.setattr(reports, "study", lambda *given: given)
    monkeypatch.setattr(reports, "write_evaluation", lambda *given: written.append(given[:2]))
    console = Console(width=200, file=io.StringIO())
    outcome: Any = SimpleNamespace(predictions=[], metrics=None, truth=None)
    for title in (None, "a on b"):
        write_images_and_report(tmp_path, title, None, outcome, 0.3, None, console)  # type: ignore[arg-type]
    assert written == [tmp_path / "images.csv", (tmp_path, "a on b")]
    assert console.file.getvalue().strip() == f"report: {tmp_path / 'report.html'}"  # type: ignore[attr-defined]


class Section:
    def minus(self, other: Section) -> Section:
        assert isinstance(other, Section) and other is not self
        return self

    def to_json(self) -> dict[str, float]:
        return {"ap": 0.1}


def test_the_difference_is_printed_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(evaluation_run, "say", said.append)
    monkeypatch.setattr(table, "huddle_table", lambda scores: "the table")
    ours, theirs, none = (
        SimpleNamespace(section=lambda _, found=found: found)
        for found in (Section(), Section(), None)
    )
    print_difference(tmp_path, Path("b"), ours, none)  # type: ignore[arg-type]
    assert said == [] and not (tmp_path / "difference.json").exists()
    print_difference(tmp_path, Path("b"), ours, theirs)  # type: ignore[arg-type]
    assert said == ["\nless b:\nthe table"]
    content = json.loads((tmp_path / "difference.json").read_text())
    assert content == {"other": "b", "ap": 0.1}
