"""Plain layers with their constants worked out, packed for oneDNN or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from relook.layers.norm import group_norm
from relook.models.folding.layers import FoldedLinear, twin
from relook.ops.cpu import onednn


@pytest.fixture(params=[True, False], ids=["packed", "not packed"], autouse=True)
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    known = onednn.is_available()
    monkeypatch.setattr(onednn, "is_available", lambda: request.param and known)
    return request.param and known


@torch.no_grad()
@pytest.mark.parametrize("rows", [0, 1, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer(rows: int, bias: bool) -> None:
    linear = nn.Linear(12, 7, bias=bias)
    x = torch.randn(rows, 12)
    folded = FoldedLinear(linear)
    for moved in (x, x.T.contiguous().T, torch.cat([x, x], 1)[:, :12]):
        torch.testing.assert_close(folded(moved), F.linear(x, linear.weight, linear.bias))


def test_a_twin_shares_tensors_and_has_its_own_mode() -> None:
    layer = nn.Sequential(group_norm(8), nn.Conv2d(8, 8, 1)).train()
    other = twin(layer).eval()
    pairs = zip(layer.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)
    assert layer.training and layer[0].training and not other[0].training
