"""Models of a server, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relook.app import models
from relook.app.models import ModelShelf
from relook.errors import UsageError
from relook.inference.predictor import Predictor


def test_models_have_names_and_the_first_is_the_default(nuts: Predictor) -> None:
    shelf = ModelShelf()
    assert shelf.names() == [] and shelf.describe() == []
    shelf.add("nuts", nuts)
    shelf.add("more", nuts)
    assert shelf.names() == ["nuts", "more"] and len(shelf) == 2
    assert shelf.get() is nuts and shelf.get("more") is nuts and shelf.name() == "nuts"
    first, second = shelf.describe()
    assert first["default"] and not second["default"]
    assert first["classes"] == [{"id": 7, "name": "nut"}, {"id": 9, "name": "bolt"}]
    assert first["masks"] and not first["panoptic"] and first["size"] == [96, 96]


def test_unknown_taken_and_impossible_names_are_refused(nuts: Predictor, shelf: ModelShelf) -> None:
    with pytest.raises(UsageError, match="U01: model: there is no model 'nutz'; did you mean 'nu"):
        shelf.get("nutz")
    with pytest.raises(UsageError, match="U03: model nuts: there are two of this name"):
        shelf.add("nuts", nuts)
    for name in ("", "../a", "a b", "x" * 65, "ядра", "a\n"):
        with pytest.raises(UsageError, match="U03: model name"):
            shelf.add(name, nuts)


def test_a_model_is_loaded_once_by_what_a_command_says(
    nuts: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[object, ...]] = []

    def load(path: str | Path, *, device: str, fast: bool, precision: str) -> Predictor:
        loaded.append((Path(path).name, device, fast, precision))
        return nuts

    monkeypatch.setattr(models, "load", load)
    run, odd = tmp_path / "run-1", tmp_path / "a=b.onnx"
    run.mkdir()
    (run / "best.safetensors").touch()
    odd.touch()
    how: dict[str, Any] = {"device": "cpu", "fast": False, "precision": "bf16"}
    shelf = ModelShelf.of(["nuclei", str(run), f"mine={run}"], **how)
    assert shelf.names() == ["nuclei", "run-1", "mine"]
    assert loaded == [(name, *how.values()) for name in ("nuclei", "run-1", "run-1")]
    with pytest.raises(UsageError, match="model name 'a=b'"):  # a file, not a name and a path
        ModelShelf.of([str(odd)])
