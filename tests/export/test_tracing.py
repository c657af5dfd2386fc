"""What PyTorch's exporter cannot write is an error of relook."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relook.errors import ModelError, UsageError
from relook.export.network import ExportedDetector
from relook.export.tracing import onnx_package, traced

from .conftest import Small, small_model


def test_a_step_that_depends_on_the_data_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = small_model()
    network = ExportedDetector(saved.detector, saved.config.input)

    def depends(image: torch.Tensor, *_: Any) -> list[torch.Tensor]:
        return [image] * int(image.sum())

    monkeypatch.setattr(network, "forward", depends)
    with pytest.raises(ModelError, match="exporter cannot write this model") as raised:
        traced(network, 3, None, masks=True, optimize=False)
    assert raised.value.code == "M09"


def test_the_graph_has_any_height_and_width(small: Small) -> None:
    import onnx

    model = onnx.load_from_string(small.file.content)
    height, width, channels = model.graph.input[0].type.tensor_type.shape.dim
    assert height.dim_param and width.dim_param and height.dim_param != width.dim_param
    assert channels.dim_value == 3


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UsageError, match=r"relook\[onnx\]"):
        onnx_package()
