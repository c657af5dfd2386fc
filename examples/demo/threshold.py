"""How far one gets on the nuclei without learning anything: Otsu's threshold, connected parts."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from relook.data.coco.reader import CocoIndex
from relook.data.images import read_image
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.metrics import Metrics
from relook.ops.rle import encode_window

SMALLEST = 12  # pixels; smaller parts are noise
SURE = 1000  # pixels from which a part gets the full score


def evaluate_threshold(index: CocoIndex, max_dets: int) -> Metrics:
    """Box and mask numbers of connected parts on the images of `index`.

    All parts are of the first class; the larger a part, the higher its score.
    """
    category = index.classes[0].id
    predictions = [
        {"image_id": record.id, "category_id": category, **part}
        for record in index.images
        for part in connected_parts(read_image(record.path))
    ]
    sizes = index.sizes()
    return evaluate_coco(
        index.path, predictions, max_dets=max_dets, sizes=sizes, image_ids=list(sizes)
    )


def connected_parts(image: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Box, score and segmentation, as COCO has them, of each part of an RGB image's foreground.

    Of the two sides of the threshold, the one that touches the border of the image less is the
    foreground.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    _, bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    foreground = bright if border.mean() < 128 else 255 - bright
    count, labels, stats, _ = cv2.connectedComponentsWithStats(foreground)
    parts = []
    for label in range(1, count):  # 0 is the background
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < SMALLEST:
            continue
        window = labels[y : y + height, x : x + width] == label
        parts.append(
            {
                "bbox": [float(x), float(y), float(width), float(height)],
                "score": min(1.0, area / SURE),
                "segmentation": encode_window(window, x, y, (image.shape[0], image.shape[1])),
            }
        )
    return parts
