"""``relook new-part``: what is written builds, learns and predicts as it stands."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from relook.cli.new_part import PLACES, Kind, configuration
from relook.config.base import overlay
from relook.config.plugins import allowing
from relook.config.presets import preset
from relook.models.build import build_detector
from relook.structures.detection import ImageBatch, Target
from relook.training.settings import read_overlay

Run = Any
SIZE = ((96, 96),)


def images() -> ImageBatch:
    return ImageBatch(torch.randn(1, 3, 96, 96), SIZE, SIZE, SIZE, ((1.0, 1.0),))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_written_trains_as_it_stands(
    kind: str, relook: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name, module = f"My{kind.title()}", f"my_{kind}"
    result = relook("new-part", kind, name)
    assert result.exit_code == 0, result.output
    assert f"--allow {module}" in result.output
    text = configuration(kind, f"{module}:{name}")
    assert text.strip() in result.output
    (tmp_path / "mine.yaml").write_text(text)
    read = read_overlay(tmp_path / "mine.yaml")
    assert read.preset is not None
    config = overlay(preset(read.preset), read.model)
    try:
        with allowing([module]):
            torch.manual_seed(0)
            detector = build_detector(config)
        made = getattr(importlib.import_module(module), name)
    finally:
        sys.modules.pop(module, None)
    parts = [one for one in detector.modules() if isinstance(one, made)]
    assert parts and PLACES[kind] in text
    losses = detector.train().loss(
        images(), [Target(torch.zeros(0, 4), torch.zeros(0).long(), seed=1)]
    )
    torch.stack(list(losses.values())).sum().backward()
    gradients = [p.grad for one in parts for p in one.parameters()]
    assert any(one is not None and bool(one.any()) for one in gradients)
    with torch.no_grad():
        (found,) = detector.eval().detect(images())
    assert torch.isfinite(found.boxes).all()


def test_nothing_is_overwritten(relook: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("kept")
    result = relook("new-part", "neck", "Mine", "-o", path)
    assert result.exit_code == 2 and "U04" in result.output and "left as it is" in result.output
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["neck", "my-neck"], "no name of a class"),
        (["neck", "class"], "no name of a class"),
        (["neck", "Mine", "-o", "mine.txt"], "module of Python"),
        (["neck", "Mine", "-o", "no-such/mine.py"], "module of Python|cannot be written"),
        (["tail", "Mine"], "tail"),
    ],
)
def test_names_that_cannot_be(arguments: list[str], words: str, relook: Run) -> None:
    result = relook("new-part", *arguments)
    assert result.exit_code == 2
    assert any(word in result.output for word in words.split("|"))
