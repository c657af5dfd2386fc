"""A network in a file finds what the model finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from relook.data.batching import batch_images
from relook.errors import ModelError, RelookError, UsageError
from relook.export import session
from relook.export.reading import checked
from relook.export.session import OnnxNetwork, fitting, onnxruntime_package
from relook.structures.detection import DetectionArrays

from ..work import without_hopeless_work
from .conftest import Small, noise

SIZES = [(96, 96), (150, 170), (40, 230), (320, 200)]


def _of_model(small: Small, image: np.ndarray, original: tuple[int, int]) -> DetectionArrays:
    batch = batch_images([image], [original], *small.saved.config.input.normalisation)
    (found,) = small.saved.detector.detect(batch, score_threshold=0.1)
    return found.arrays()


@pytest.mark.parametrize("size", SIZES)
def test_objects_are_those_of_the_model_at_every_size(small: Small, size: tuple[int, int]) -> None:
    image, original = noise(*size), (size[0] * 2, size[1] * 3)
    ours = _of_model(small, image, original)
    (theirs,) = small.network.detect([image], [original], score=0.1)
    assert len(ours) == len(theirs) > 3
    assert theirs.size == original
    np.testing.assert_allclose(theirs.boxes, ours.boxes, rtol=0, atol=1e-2)
    np.testing.assert_allclose(theirs.scores, ours.scores, rtol=0, atol=1e-4)
    assert theirs.labels.tolist() == ours.labels.tolist()
    assert theirs.mask_probabilities is not None and ours.mask_probabilities is not None
    np.testing.assert_allclose(
        theirs.mask_probabilities, ours.mask_probabilities, rtol=0, atol=1e-3
    )


def test_both_classes_are_found(small: Small) -> None:
    (found,) = small.network.detect([noise(150, 170)], [(150, 170)])
    assert set(found.labels.tolist()) == {0, 1}


def test_an_image_without_objects(small: Small) -> None:
    image = np.zeros((96, 128, 3), dtype=np.uint8)
    (found,) = small.network.detect([image], [(96, 128)], score=0.999)
    assert found.boxes.shape == (0, 4)
    assert found.mask_probabilities is not None
    assert found.mask_probabilities.shape == (0, 28, 28)


def test_a_limit_keeps_the_best(small: Small) -> None:
    (all_found,) = small.network.detect([noise(96, 96)], [(96, 96)])
    (found,) = small.network.detect([noise(96, 96)], [(96, 96)], max_detections=3)
    assert found.boxes.tolist() == all_found.boxes[:3].tolist()


def test_more_objects_than_the_file_has_are_refused(small: Small) -> None:
    with pytest.raises(UsageError, match="--max-dets 21") as raised:
        small.network.detect([noise(96, 96)], [(96, 96)], max_detections=21)
    assert raised.value.code == "U04"


@pytest.mark.parametrize(
    "image", [noise(96, 96)[..., :2], noise(96, 96).astype(np.float32), noise(96, 96)[0]]
)
def test_other_pixels_are_refused(small: Small, image: np.ndarray) -> None:
    with pytest.raises(ModelError) as raised:
        small.network.detect([image], [(96, 96)])
    assert raised.value.code == "M05"


def test_a_larger_image_is_scaled_to_a_fixed_canvas(small: Small) -> None:
    fixed = replace(small.file.facts, canvas=(128, 160))
    network = OnnxNetwork(small.file._replace(facts=fixed), small.path)
    original = (300, 150)
    (found,) = network.detect([noise(256, 128)], [original])
    assert len(found) > 3
    assert (found.boxes >= 0).all()
    assert (found.boxes <= np.array([150, 300, 150, 300]) + 1e-3).all()
    assert found.boxes[:, 3].max() > 200  # pixels of the original, not of the canvas
    assert "padded to 160x128" in network.describe()[0]


def test_what_fits_a_canvas() -> None:
    assert fitting((256, 128), (128, 160)) == (128, 64)
    assert fitting((10, 1000), (128, 160)) == (2, 160)
    assert fitting((1, 10_000), (96, 96)) == (1, 96)


@pytest.mark.parametrize(
    ("place", "values", "why"),
    [
        (0, np.full((2, 4), np.nan, np.float32), "finite"),
        (0, np.zeros((3, 4), np.float32), "belong together"),
        (2, np.array([0, 7]), "no classes"),
        (3, np.zeros((1, 28, 28), np.float32), "masks"),
    ],
)
def test_made_up_outputs_are_refused(
    small: Small, place: int, values: np.ndarray, why: str
) -> None:
    network = OnnxNetwork.__new__(OnnxNetwork)
    network.header, network.facts = small.file.header, small.file.facts
    network.path, network._runtime = small.path, onnxruntime_package()
    outputs: list[np.ndarray] = [
        np.zeros((2, 4), np.float32),
        np.zeros(2, np.float32),
        np.zeros(2, np.int64),
        np.zeros((2, 28, 28), np.float32),
    ]
    outputs[place] = values

    class Session:
        def run(self, names: None, feeds: dict[str, np.ndarray], _: object) -> list[np.ndarray]:
            return outputs

    network._session = Session()
    with pytest.raises(ModelError, match=why) as raised:
        network.detect([noise(96, 96)], [(96, 96)])
    assert raised.value.code == "M05"


def _slow(content: bytes, products: int) -> bytes:
    """The content of an ONNX file whose scores wait for products of a matrix of constants."""
    model = onnx.load_from_string(content)
    matrix = np.zeros((2048, 2048), np.float32)  # a product takes some 0.2 s
    zero = np.zeros((), np.float32)
    for values, name in ((matrix, "p0"), (zero, "zero")):
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    (last,) = [node for node in model.graph.node if "scores" in node.output]
    last.output[list(last.output).index("scores")] = "these"
    nodes = [
        helper.make_node("MatMul", [f"p{i}", f"p{i}"], [f"p{i + 1}"], name=f"p{i}")
        for i in range(products)
    ]
    nodes += [
        helper.make_node("ReduceMax", [f"p{products}"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["these", "nothing"], ["scores"]),
    ]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def test_a_graph_without_end_is_stopped(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_SECONDS", 0.1)
    file = checked(_slow(small.file.content, 500), small.path)
    with without_hopeless_work():
        network = OnnxNetwork(file, small.path)
        for _ in range(2):
            with pytest.raises(RelookError, match="made up to take time") as raised:
                network.detect([noise(96, 96)], [(96, 96)])
    assert raised.value.code == "R04"
    (found,) = small.network.detect([noise(96, 96)], [(96, 96)], score=0.1)  # in the same process
    assert len(found) > 3


def test_a_graph_that_the_runtime_refuses(small: Small) -> None:
    broken = small.file._replace(content=small.file.content[:1000])
    with pytest.raises(ModelError, match="onnxruntime") as raised:
        OnnxNetwork(broken, small.path)
    assert raised.value.code == "M02"


def test_a_failure_of_the_runtime_is_told(small: Small) -> None:
    shape = small.network._on_canvas
    small.network._on_canvas = lambda image: (np.zeros((96, 96, 5), np.uint8), 96, 96)  # type: ignore[method-assign]
    try:
        with pytest.raises(ModelError, match="onnxruntime failed") as raised:
            small.network.detect([noise(96, 96)], [(96, 96)])
    finally:
        small.network._on_canvas = shape  # type: ignore[method-assign]
    assert raised.value.code == "M05"


def test_without_the_runtime_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"relook\[onnx\]"):
        onnxruntime_package()
