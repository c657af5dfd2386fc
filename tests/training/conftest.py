"""A model that is small enough to be built in every test."""

from __future__ import annotations

from relook.data.coco.reader import Category

from ..narrow_models import narrow_config

TINY = narrow_config("htc-tiny", cascade__select__max_detections=20)
CELL = (Category(1, "cell"),)
