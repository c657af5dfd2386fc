"""Averaged weights of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EMAWeightAveraging


class Averaging(EMAWeightAveraging):
    """Exponential moving average of the weights, which never replaces the trained weights.

    The trained weights stay in the module at the end of a training too: what is saved or validated
    with the averaged ones is done inside of `in_place`, so it can be done again after a resume.
    """

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the trained weights where they are."""

    @contextlib.contextmanager
    def in_place(self, module: pl.LightningModule) -> Iterator[None]:
        """Exchange the weights of `module` with the averaged ones inside of the block."""
        self._swap_models(module)
        try:
            yield
        finally:
            self._swap_models(module)
