"""What cannot be said in ONNX is refused by its name."""

from __future__ import annotations

import pytest

from relook.config.model import ModelConfig
from relook.config.presets import PRESETS, preset
from relook.errors import ModelError
from relook.export.refusals import check_exportable
from relook.structures.rules.guidance import GuidanceRule


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (preset("htc-r50").with_(cascade__select__suppression="soft_nms"), "soft-NMS"),
        (preset("htc-r50").with_(numerics="v1"), "numerics: v1"),
        (
            preset("dsc-tiny").with_(cascade__guidance=GuidanceRule(product="of_samples")),
            "of_samples",
        ),
    ],
)
def test_a_model_that_cannot_be_said(config: ModelConfig, name: str) -> None:
    with pytest.raises(ModelError, match=name) as raised:
        check_exportable(config)
    assert raised.value.code == "M09"


def test_every_preset_can_be_said() -> None:
    for name in PRESETS:
        check_exportable(preset(name))
