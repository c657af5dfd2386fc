"""Image layers become images of a run, and results become labels layers, without napari."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.inference.results import Result
from relook.napari.annotations import LayerNotes
from relook.napari.layers import labels_of, source_of
from relook.ops.rle import encode_mask

CLASSES = (Category(3, "cell"), Category(7, "crystal"))


def layer_of(data: np.ndarray, scale: float = 1.0, unit: str = "pixel", **more: Any) -> Any:
    """An image layer as far as relook looks at it; world coordinates are data times scale."""
    count = data.ndim - bool(more.get("rgb"))
    values: dict[str, Any] = {
        "data": data,
        "name": "cells",
        "rgb": False,
        "multiscale": False,
        "scale": np.full(count, scale),
        "translate": np.zeros(count),
        "rotate": np.eye(count),
        "units": (unit,) * count,
        "source": SimpleNamespace(path=None),
        "world_to_data": lambda point: np.asarray(point)[-count:] / scale,
        **more,
    }
    return SimpleNamespace(**values)


def dims_of(*point: float) -> Any:
    ndim = len(point)
    return SimpleNamespace(ndim=ndim, displayed=(ndim - 2, ndim - 1), point=point)


def result_on(size: tuple[int, int]) -> Result:
    mask = np.zeros(size, bool)
    mask[1:3, 1:4] = True
    return Result(
        boxes=np.array([[1, 1, 4, 3], [0, 0, 1, 1]], np.float32),
        scores=np.array([0.9, 0.2], np.float32),
        labels=np.array([1, 0]),
        masks=(encode_mask(mask), encode_mask(~mask)),
        size=size,
        classes=CLASSES,
    )


def test_labels_of_a_plane_of_a_stack() -> None:
    stack = np.zeros((4, 6, 8), np.uint16)
    stack[3] = 7
    layer = layer_of(stack, 0.5, "micrometer", source=SimpleNamespace(path="/data/a.tif"))
    source = source_of(layer, dims_of(1.5, 0, 0))
    assert source.file_name == "a.tif"
    assert source.pixel_size == (0.5, 0.5)
    assert source.samples.shape == (6, 8, 1)
    new = labels_of(source, result_on((6, 8)), CLASSES, score=0.5, least=0.1, notes=["a note"])
    assert new.data.shape == (1, 6, 8)
    assert new.arguments["translate"].tolist() == [1.5, 0, 0]
    assert new.arguments["units"] == ("micrometer",) * 3
    features = new.arguments["features"]
    assert features["index"] == [1]
    assert features["class"] == ["crystal"]
    assert features["area_um2"] == [6 * 0.25]
    assert features["mean_c0"] == [7]
    assert LayerNotes.of(new.arguments["metadata"]).classes == CLASSES
    assert new.words == (
        "1 object from score 0.50; 1 hidden below it, down to 0.10; the current plane (3 of 4 "
        "along axis 0); pixels of 0.5 x 0.5 µm (height x width), by the layer; a note"
    )
    assert new.kept.at(0.0)[1]["index"] == [1, 2]


def test_colours_and_a_layer_without_a_file() -> None:
    layer = layer_of(np.zeros((6, 8, 4), np.uint8), rgb=True)
    source = source_of(layer, dims_of(0, 0, 0))  # another layer has one axis more
    assert source.file_name == "cells"
    assert source.pixel_size is None
    assert source.samples.shape == (6, 8, 3)
    assert source.axes == 2


def test_channels_and_a_unit_that_was_given() -> None:
    source = source_of(
        layer_of(np.zeros((2, 6, 8)), 0.5), dims_of(0, 0, 0), channel_axis=0, unit="um"
    )
    assert source.samples.shape == (6, 8, 2)
    assert source.axes == 2
    assert source.pixel_size == (0.5, 0.5)


def test_a_view_in_3d_is_refused() -> None:
    dims = SimpleNamespace(ndim=3, displayed=(0, 1, 2), point=(0, 0, 0))
    with pytest.raises(UsageError, match="Switch it to 2D"):
        source_of(layer_of(np.zeros((4, 6, 8))), dims)
