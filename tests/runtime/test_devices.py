"""Devices that are there, that are not, and that lack an operation."""

from __future__ import annotations

import pytest
import torch

from relook.errors import RelookError, UsageError
from relook.runtime import devices
from relook.runtime.devices import COMPILED, choose_device


def test_names() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in {"cpu", "cuda"}
    with pytest.raises(UsageError, match=r"U03.*gpu"):
        choose_device("gpu")
    with pytest.raises(RelookError, match=r"R04.*cuda:99.*cpu"):
        choose_device("cuda:99")


def test_operations_are_called_as_torchvision_calls_them() -> None:
    assert [name for name in COMPILED if devices._has_kernel(name, "CPU")] == list(COMPILED)
    assert not devices._has_kernel("deform_conv2d", "XLA")


def test_mps_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RelookError, match=r"R04: device mps is not there.*Use cpu"):
        choose_device("mps")


def test_mps_is_refused_when_an_operation_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(devices, "_has_kernel", lambda name, device: name == "nms")
    with pytest.raises(RelookError, match=r"R04.*no roi_align and no deform_conv2d.*Use cpu"):
        choose_device(torch.device("mps"))
    monkeypatch.setattr(devices, "_has_kernel", lambda name, device: device == "MPS")
    assert choose_device("mps:0") == torch.device("mps:0")


def test_mps_is_never_chosen_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
