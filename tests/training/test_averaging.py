"""Averaged weights are in place only where they are asked for."""

from __future__ import annotations

import lightning.pytorch as pl
import pytest
import torch

from relook.training.averaging import Averaging


def test_weights_are_exchanged_and_come_back() -> None:
    module = pl.LightningModule()
    module.weight = torch.nn.Parameter(torch.zeros(3))
    averaging = Averaging(decay=0.5)
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    averaging.setup(trainer, module, "fit")
    with torch.no_grad():
        module.weight.fill_(4.0)

    def validate() -> None:
        with averaging.in_place(module):
            assert module.weight.tolist() == [0.0] * 3
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        validate()
    averaging.on_train_end(trainer, module)
    assert module.weight.tolist() == [4.0] * 3
