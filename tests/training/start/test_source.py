"""One start of a training, and not two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.training.settings import Settings
from relook.training.sources import read_sources
from relook.training.start.fresh import seeded_detector
from relook.training.start.source import Start, first_detector
from relook.weights.file import SavedModel, save_model


@pytest.fixture
def settings(make_settings: Callable[..., Settings], blobs: Path) -> Settings:
    return make_settings(blobs, "htc-tiny")


@pytest.fixture
def given(settings: Settings) -> Start:
    """A model that was trained for the class of the data."""
    fitted, sources = read_sources(settings)
    classes = tuple(Category(c.id, c.name) for c in sources.train.classes)
    saved = SavedModel(seeded_detector(fitted.model, 3), fitted.model, classes, {})
    return Start(saved, Path("a.safetensors"))


def test_a_training_starts_from_the_model_that_is_given(settings: Settings, given: Start) -> None:
    fitted, sources = read_sources(settings)
    said: list[str] = []
    found = first_detector(fitted, sources, given, said.append).state_dict()
    theirs = given.saved.detector.state_dict()
    assert all(torch.equal(found[name], theirs[name]) for name in theirs)
    assert "from a.safetensors" in said[0]


def test_or_from_random_numbers_or_from_a_backbone(
    settings: Settings, given: Start, tmp_path: Path
) -> None:
    fitted, sources = read_sources(settings)
    random = first_detector(fitted, sources, None, print).state_dict()
    path = tmp_path / "other.safetensors"
    save_model(path, given.saved.detector, fitted.model, given.saved.classes)
    started = fitted.with_(train__backbone_from=path)
    found = first_detector(started, sources, None, print).state_dict()
    theirs = given.saved.detector.state_dict()
    for name, value in found.items():
        expected = theirs if "backbone" in name else random
        assert torch.equal(value, expected[name])


def test_two_starts_are_refused(settings: Settings, given: Start) -> None:
    fitted, sources = read_sources(settings.with_(train__backbone_from=Path("b.safetensors")))
    with pytest.raises(UsageError, match=r"U04: .*a.safetensors and train.backbone_from b.* two"):
        first_detector(fitted, sources, given, print)
