"""What makes two configurations the same model, whatever their classes and thresholds."""

from __future__ import annotations

import pytest

from relook.config.presets import PRESETS, preset
from relook.interop.structure import differences, preset_of


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_structure_of_its_own(name: str) -> None:
    assert preset_of(preset(name).with_(num_classes=7, cascade__select__nms_iou=0.4)) == name


def test_differences_ignore_what_classes_change() -> None:
    config = preset("htc-r50")
    assert differences(config.with_(num_classes=3, semantic__num_classes=4), config) == []
    assert differences(config.with_(rpn__test__nms_iou=0.1), config) == []
    assert len(differences(config, preset("htc-r50-rfp"))) == 2


def test_cascades_of_two_kinds_differ_in_their_kind() -> None:
    htc, dsc = preset("htc-r50"), preset("dsc-r50")
    assert differences(dsc, htc) == ["cascade.kind is dsc, not htc"]
    assert differences(htc, dsc) == ["cascade.kind is htc, not dsc"]


def test_fast_dsc_differs_in_a_field_that_no_tensor_tells() -> None:
    slow, fast = preset("dsc-r50"), preset("fast-dsc-r50")
    assert differences(slow, fast) == ["cascade.guidance.side is 14, not 7"]


def test_norms_with_the_same_tensors_are_the_same() -> None:
    config = preset("dsc-r50")
    assert differences(config.with_(cascade__fuse_norm="sync_batch"), config) == []
    assert differences(config.with_(cascade__fuse_norm="none"), config)
    assert preset_of(config.with_(cascade__guidance__implicit=False)) is None
