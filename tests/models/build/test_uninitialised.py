"""Modules whose tensors have shapes only."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from relook.config.presets import preset
from relook.models.build import build_detector, empty_detector
from relook.models.build.uninitialised import uninitialised


def test_tensors_have_shapes_and_types_and_no_numbers() -> None:
    with uninitialised():
        layer = nn.Linear(3, 4, dtype=torch.float16)
        nn.init.kaiming_normal_(layer.weight)
        alike = torch.zeros_like(layer.weight)
        alike.fill_(2).normal_().copy_(layer.weight)
    assert layer.weight.is_meta and alike.is_meta
    assert alike.shape == (4, 3) and alike.dtype == torch.float16
    assert nn.Linear(3, 4).weight.abs().sum() > 0


def test_what_has_numbers_is_filled_as_ever() -> None:
    number = torch.zeros(3)
    with uninitialised():
        number.fill_(2)
        nn.init.constant_(number[:1], 5)
    assert number.tolist() == [5, 2, 2]


@pytest.mark.parametrize("name", ["detectors-htc-tiny", "fast-dsc-tiny", "detectors-panoptic-tiny"])
def test_an_empty_detector_has_the_tensors_of_a_filled_one(name: str) -> None:
    config = preset(name)
    filled = build_detector(config).state_dict()
    empty = empty_detector(config)
    found = empty.state_dict()
    assert list(found) == list(filled)
    for key, value in found.items():
        assert value.is_meta, key
        assert (value.shape, value.dtype) == (filled[key].shape, filled[key].dtype), key
    needs = {key: parameter.requires_grad for key, parameter in empty.named_parameters()}
    assert needs == {key: p.requires_grad for key, p in build_detector(config).named_parameters()}
