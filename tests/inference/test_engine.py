"""The engine: what prediction needs around the network, and nothing left behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import relook
from relook.config.model import ModelConfig
from relook.data.batching import batch_images
from relook.errors import ModelError, RelookError
from relook.inference.engine import Engine
from relook.inference.options import PanopticRequest, PredictOptions
from relook.inference.preprocess import Prepared, read
from relook.models.build import build_detector
from relook.structures.detection import Detections, ImageBatch

from ..narrow_models import detector_of
from .conftest import narrow

SOURCES = Path(relook.__file__).parent
DETECTS = re.compile(r"\.(detect|segment)\(")


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    return narrow("detectors-panoptic-tiny")


@pytest.fixture
def engine(config: ModelConfig) -> Engine:
    return Engine(detector_of(config).eval(), config.input)


def prepared() -> Prepared:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    one = read(pixels, (128, 96))
    assert isinstance(one, Prepared)
    return one


def batch(config: ModelConfig, count: int = 1) -> ImageBatch:
    one = prepared()
    given = config.input
    return batch_images([one.resized] * count, [one.size] * count, given.mean, given.std)


def same(a: Detections, b: Detections, tolerance: float = 0.0) -> bool:
    return torch.equal(a.labels, b.labels) and torch.allclose(a.scores, b.scores, 0, tolerance)


def test_it_is_the_only_caller() -> None:
    """Elsewhere the words mean methods of a cascade, or `Detector.forward`'s own dispatch."""
    callers = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if DETECTS.search(path.read_text())
    }
    of_cascades = {"analysis/complexity.py", "interop/report.py", "models/detector.py"}
    of_files = {"inference/backend.py"}  # a network in a file of another format
    exports = {"export/network.py", "export/writing.py"}  # written down, and compared with its file
    assert callers - of_cascades - of_files - exports == set()
    assert "network.detect" in (SOURCES / "inference" / "engine.py").read_text()
    for name in of_cascades:
        called = re.findall(r"(\w+)\.(?:detect|segment)\(", (SOURCES / name).read_text())
        assert set(called) <= {"cascade", "self"}, name


def test_none_is_the_networks_own(engine: Engine, config: ModelConfig) -> None:
    (found,) = engine.run(batch(config), PredictOptions())
    (expected,) = engine.detector.detect(batch(config))
    assert same(found, expected, 1e-5) and len(found) == 8
    (few,) = engine.run(batch(config), PredictOptions(max_dets=3))
    assert len(few) == 3 and torch.equal(few.scores, found.scores[:3])
    middle = float(found.scores[4])
    (sure,) = engine.run(batch(config), PredictOptions(score=middle))
    assert 0 < len(sure) < 8 and float(sure.scores.min()) >= middle


def test_pixels_are_labelled_where_the_request_says_so(engine: Engine, config: ModelConfig) -> None:
    (plain,) = engine.run(batch(config), PredictOptions())
    (found,) = engine.run(batch(config), PredictOptions(panoptic=PanopticRequest()))
    assert plain.semantic is None
    assert found.semantic is not None and found.semantic.shape == (60, 80)
    assert same(plain, found)


def test_a_network_without_labels_is_refused(config: ModelConfig) -> None:
    objects = config.with_(stuff=None, semantic=None)
    engine = Engine(build_detector(objects).eval(), objects.input)
    with pytest.raises(ModelError, match="M04"):
        engine.run(batch(config), PredictOptions(panoptic=PanopticRequest()))


@pytest.mark.parametrize("fails", [False, True])
def test_the_mode_of_the_network_is_restored(
    engine: Engine, config: ModelConfig, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.fold = False
    modes = []

    def watched(*_: Any, **__: Any) -> list[Detections]:
        modes.append((engine.detector.training, torch.is_inference_mode_enabled()))
        if fails:
            raise torch.OutOfMemoryError("no room")
        return []

    monkeypatch.setattr(engine.detector, "detect", watched)
    for training in (True, False):
        engine.detector.train(training)
        if fails:
            with pytest.raises(RelookError, match=r"R04: 2 images of 128x96.*batch_size or size"):
                engine.run(batch(config, 2), PredictOptions())
        else:
            engine.run(batch(config, 2), PredictOptions())
        assert engine.detector.training == training
    assert modes == [(False, True)] * 2
    assert not torch.is_inference_mode_enabled()


def test_what_folds(engine: Engine) -> None:
    assert engine.folds
    assert any("folded" in line for line in engine.describe())
    engine.fold = False
    assert not engine.folds
    engine.fold, engine.fast = True, False
    assert not engine.folds
    assert engine.describe() == ["plain operations of PyTorch and torchvision: fast is off"]
    engine.fast = True
    engine.detector.double()
    assert not engine.folds


def test_hooks_hear_every_layer_where_nothing_is_folded(
    engine: Engine, config: ModelConfig
) -> None:
    heard: list[str] = []
    engine.fold = False
    convolution = engine.detector.get_submodule("features.fpn.outputs.0")
    handle = convolution.register_forward_hook(lambda *_: heard.append("P2"))
    engine.run(batch(config), PredictOptions())
    handle.remove()
    assert heard


def test_views_are_merged(engine: Engine) -> None:
    one = prepared()
    (plain,) = engine.run_prepared([one], PredictOptions())
    options = PredictOptions().with_(tta="flip")
    (merged,) = engine.run_prepared([one], options)
    (single,) = engine.run_prepared([one], PredictOptions().with_(tta="scales=96"))
    assert len(merged) and not same(merged, plain, 1e-3)
    assert len(single) == len(plain)
