"""A predictor whose network is a file of another format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.errors import UsageError
from relook.inference.batch.beginning import digest_of
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.structures.detection import DetectionArrays, Size

from ..narrow_models import NUT_AND_BOLT, narrow_config


class OneObject:
    """Finds one object in the upper left corner of whatever it is given."""

    name = "one.onnx"
    digest = "ab" * 32

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, ...], float | None, int | None]] = []

    def describe(self) -> list[str]:
        return ["a file"]

    def detect(
        self,
        images: Sequence[NDArray[np.uint8]],
        original_sizes: Sequence[Size],
        *,
        score: float | None = None,
        max_detections: int | None = None,
    ) -> list[DetectionArrays]:
        self.calls += [(image.shape, score, max_detections) for image in images]
        found = (
            np.array([[0, 0, 10, 20]], np.float32),
            np.array([0.9], np.float32),
            np.array([1]),
            np.ones((1, 28, 28), np.float32),
        )
        return [DetectionArrays(*found, size) for size in original_sizes]


def _predictor() -> tuple[Predictor, OneObject]:
    network = OneObject()
    config = narrow_config(num_classes=2, input__size=(128, 128))
    return Predictor(network, config, NUT_AND_BOLT, shown_from=0.5), network


def test_images_become_results() -> None:
    predictor, network = _predictor()
    image = np.zeros((32, 64, 3), dtype=np.uint8)
    one, two = predictor.predict([image, image], batch_size=2, max_dets=7)
    assert (one.names, len(two)) == (["bolt"], 1)
    assert one.boxes.tolist() == [[0, 0, 10, 20]]
    assert one.polygons()[0]
    assert network.calls == [((64, 128, 3), 0.5, 7)] * 2


def test_large_images_are_cut_into_tiles() -> None:
    predictor, network = _predictor()
    result = predictor.predict(np.zeros((200, 200, 3), dtype=np.uint8), tile=128)
    assert len(network.calls) > 3
    assert len(result) >= 1
    assert {shape for shape, _, _ in network.calls} == {(128, 128, 3)}


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"tta": "flip"}, "tta"), ({"panoptic": True}, "panoptic"), ({"agnostic": True}, "agnostic")],
)
def test_what_needs_layers_is_refused(changes: Any, what: str) -> None:
    predictor, network = _predictor()
    options = PredictOptions().with_(**changes)
    for call in (
        lambda: predictor.engine.run_prepared([], options),
        lambda: predictor.predict(np.zeros((32, 64, 3), np.uint8), options),
    ):
        with pytest.raises(UsageError, match=what) as raised:
            call()
        assert raised.value.code == "U04"
    assert not network.calls


def test_it_has_no_layers_and_no_stages() -> None:
    predictor, _ = _predictor()
    for call in (lambda: predictor.detector, lambda: predictor.first_stages(1)):
        with pytest.raises(UsageError, match=r"one\.onnx") as raised:
            call()
        assert raised.value.code == "U04"


def test_it_runs_on_the_cpu() -> None:
    predictor, _ = _predictor()
    assert predictor.to("auto").device == "cpu"
    with pytest.raises(UsageError, match="runs on the CPU"):
        predictor.to("cuda")


def test_it_says_what_it_is() -> None:
    predictor, network = _predictor()
    assert "one.onnx on cpu" in repr(predictor)
    assert predictor.describe().endswith("a file")
    before = digest_of(predictor)
    network.digest = "cd" * 32
    assert digest_of(predictor) != before
