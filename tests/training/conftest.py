"""A model that is small enough to be built in every test."""

from __future__ import annotations

from relook.config.base import overlay
from relook.config.presets import preset
from relook.data.coco.reader import Category

TINY = overlay(
    preset("htc-tiny"),
    {
        "backbone": {"blocks": [1, 1, 1, 1]},
        "pyramid": {"channels": 32},
        "cascade": {"box_hidden": 16, "mask_channels": 16, "select": {"max_detections": 20}},
    },
)
CELL = (Category(1, "cell"),)
