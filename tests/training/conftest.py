"""A model that is small enough to be built in every test."""

from __future__ import annotations

from relook.config.presets import preset
from relook.data.coco.reader import Category

from ..narrow_models import narrow_config

TINY = narrow_config(
    "htc-tiny",
    backbone__width=preset("htc-tiny").backbone.width,
    pyramid__channels=32,
    cascade__select__max_detections=20,
)
CELL = (Category(1, "cell"),)
