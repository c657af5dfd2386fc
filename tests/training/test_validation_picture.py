"""The picture of a validation: which image, which outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from relook.data.coco.reader import read_coco
from relook.evaluation.ground_truth import truth_of
from relook.training.validation_picture import SIDE, draw_validation
from relook.visualization.outlines import FOUND, TRUTH


def has(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - color).max(axis=2) < 30).any())


def test_objects_and_detections_from_the_threshold_on(blobs: Path) -> None:
    index = read_coco(blobs, blobs.parent / "images")
    truth = truth_of(index)
    image_id = index.images[0].id
    found = [{"image_id": image_id, "category_id": 7, "bbox": [40, 2, 15, 9], "score": 0.5}]
    found += [{**found[0], "image_id": index.images[1].id, "score": 0.9}]
    below, above = (
        np.asarray(draw_validation(index, truth, found, threshold)) for threshold in (0.6, 0.4)
    )
    assert max(below.shape) == SIDE
    assert has(below, TRUTH) and has(above, TRUTH)
    assert has(above, FOUND) and not has(below, FOUND)
