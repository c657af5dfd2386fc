"""Training without Lightning's messages for programmers."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

from lightning.fabric.utilities.warnings import PossibleUserWarning

_KNOWN_WARNINGS = (
    ".*LeafSpec.* is deprecated",  # inside Lightning, on the newest torch
    "Checkpoint directory .* exists and is not empty",
    "The dirpath has changed from",  # a run folder that was moved can be resumed
    "Grad strides do not match bucket view strides",  # of 1x1 convolutions, on several processes
    "Detected call of `lr_scheduler.step\\(\\)` before",
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress Lightning's advice on cores and its banners."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=PossibleUserWarning)
        for message in _KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
