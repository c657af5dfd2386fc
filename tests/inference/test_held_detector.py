"""Weights are held once: as they were loaded, or folded."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import relook
from relook.errors import ModelError
from relook.inference.held_detector import HeldDetector
from relook.models.detector import Detector
from relook.weights.file import save_model

from ..narrow_models import detector_of
from .conftest import narrow

IMAGE = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from relook.data.coco.reader import Category

    path = tmp_path_factory.mktemp("held") / "model.safetensors"
    config = narrow("htc-tiny")
    classes = [Category(i + 1, f"class {i}") for i in range(config.num_classes)]
    save_model(path, detector_of(config).eval(), config, classes)
    return path


def _state(detector: Detector) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in detector.state_dict().items()}


def _is_gone(detector: Detector) -> Callable[[], bool]:
    weight = weakref.ref(next(detector.parameters()))
    return lambda: (gc.collect(), weight() is None)[1]


def test_the_loaded_weights_go_when_they_are_folded(stored: Path) -> None:
    predictor = relook.load(stored, device="cpu")
    held = predictor.engine.held
    before = repr(predictor)
    gone = _is_gone(held.whole())
    first = predictor.predict(IMAGE, score=0.0)
    assert held.is_let_go and gone()
    assert predictor.engine.folds and predictor.device.type == "cpu"
    assert predictor.to("cpu") is predictor and held.is_let_go
    assert repr(predictor) == before
    again = predictor.predict(IMAGE, score=0.0)
    assert len(first) > 0 and np.array_equal(first.scores, again.scores)


def test_who_asks_for_the_network_gets_the_weights_of_the_file(stored: Path) -> None:
    expected = _state(relook.load(stored, device="cpu").detector)
    predictor = relook.load(stored, device="cpu")
    first = predictor.predict(IMAGE, score=0.0)
    looked = predictor.engine.held.look().state_dict()
    assert predictor.engine.held.is_let_go  # a look changes nothing
    detector = predictor.detector
    for state in (detector.state_dict(), looked):
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], value) for name, value in expected.items())
    assert all(p.requires_grad for p in detector.rpn.parameters()) and not detector.training
    with torch.no_grad():
        detector.rpn.deltas.bias += 0.5
    changed = predictor.predict(IMAGE, score=0.0)
    assert predictor.detector is detector  # kept from now on
    assert not np.array_equal(first.boxes, changed.boxes)


def test_the_plain_way_after_the_fast_one(stored: Path) -> None:
    predictor = relook.load(stored, device="cpu")
    fast = predictor.predict(IMAGE, score=0.0)
    predictor.fast = False
    plain = predictor.predict(IMAGE, score=0.0)
    assert not predictor.engine.held.is_let_go
    predictor.fast = True
    predictor.predict(IMAGE, score=0.0)
    assert predictor.engine.held.is_let_go
    assert len(fast) == len(plain)
    np.testing.assert_allclose(fast.scores, plain.scores, atol=1e-4)


def test_a_file_that_changed_is_not_taken_for_the_one_that_was_loaded(
    stored: Path, tmp_path: Path
) -> None:
    path = tmp_path / "copy.safetensors"
    path.write_bytes(stored.read_bytes())
    predictor = relook.load(path, device="cpu")
    predictor.predict(IMAGE)
    path.unlink()
    predictor.predict(IMAGE)
    with pytest.raises(ModelError, match=r"M01.*copy\.safetensors"):
        _ = predictor.detector


def test_a_network_of_somebody_else_is_never_let_go() -> None:
    config = narrow("htc-tiny")
    detector = detector_of(config).eval()
    held = HeldDetector(detector)
    assert held.folded() is held.folded() is not detector
    assert held.whole() is held.share() is held.look() is detector
    assert not held.is_let_go
