"""Weights that nothing can be learned from are not saved."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from relook.errors import RelookError
from relook.training.sound_weights import check_weights


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e27, 1e9])
@pytest.mark.parametrize("name", ["0.weight", "1.running_var"])
def test_broken_weights_are_named(name: str, value: float) -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    check_weights(module, 0)
    tensor = module.state_dict()[name]
    with torch.no_grad():
        tensor.view(-1)[1] = value
    if name == "1.running_var" and abs(value) < float("inf"):
        check_weights(module, 7)  # statistics of inputs may be large
        return
    with pytest.raises(RelookError, match=rf"by step 7: {name} has .*--lr") as caught:
        check_weights(module, 7)
    assert caught.value.code == "R03"
