"""What was annotated beside what was found."""

from __future__ import annotations

import numpy as np
from PIL import Image

from relook.data.coco.reader import CocoIndex, ImageRecord, object_mask
from relook.data.images import read_image
from relook.inference.predictor import Predictor
from relook.visualization.overlay import draw_objects
from relook.visualization.sheet import Row, contact_sheet

from .datasets import spread


def comparison(predictor: Predictor, index: CocoIndex, *, count: int, max_dets: int) -> Image.Image:
    """`count` images spread over `index`, each as annotated and as the model sees it."""
    chosen = spread(index.images, count)
    rows = [_compared(predictor, index, record, max_dets) for record in chosen]
    return contact_sheet(rows, ("annotated", "found"), rows_per_line=2)


def _compared(predictor: Predictor, index: CocoIndex, record: ImageRecord, max_dets: int) -> Row:
    image = read_image(record.path)
    things = [thing for thing in record.objects if not thing.is_crowd]
    truth = draw_objects(
        image,
        np.array([thing.box for thing in things], dtype=np.float32).reshape(-1, 4),
        [object_mask(thing, record.height, record.width) for thing in things],
        [index.classes[thing.label].name for thing in things],
        text=False,
    )
    result = predictor.predict(image, max_dets=max_dets)
    shown = len(result)
    caption = f"{record.file_name}: {len(things)} annotated, {shown} found"
    return Row((truth, result.draw(text=False)), caption)
