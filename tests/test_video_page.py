"""The Python of docs/video.md, run in order with a network that knows the truth."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import relook

from .inference.batch.discs import disc_predictor, write_film

PAGE = Path(__file__).resolve().parents[1] / "docs" / "video.md"


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(relook, "load", lambda *_: disc_predictor())
    write_film(Path("film.mp4"), 4)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        needed = re.findall(r"^(?:import|from) (trackers)\b", block, re.MULTILINE)
        code = compile(block, str(PAGE), "exec")
        if all(importlib.util.find_spec(name) for name in needed):
            with warnings.catch_warnings():
                if needed:
                    warnings.simplefilter("ignore")  # those of the libraries
                exec(code, names)
    assert "[1 2 3]" in capsys.readouterr().out
    assert sorted(path.name for path in Path("found").rglob("*.*")) == [
        "counts_over_time.csv",
        "film.mp4",
        "tracks.csv",
    ]
