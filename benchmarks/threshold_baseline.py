"""How far one gets on the nuclei without learning anything: Otsu's threshold, connected parts.

    python benchmarks/threshold_baseline.py datasets/nuclei

prints the COCO numbers on the validation split. The brighter or the darker side of the threshold
is taken as nuclei, whichever touches the border of the image less; scores are the parts' areas.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from relook.data.coco import read_coco
from relook.data.images import read_image
from relook.evaluation.coco import evaluate_coco
from relook.ops.masks import encode_rle

SMALLEST = 12  # pixels; smaller parts are noise


def parts(image: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    """Masks (H, W) of the connected parts of an RGB image's foreground."""
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    _, bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    edge = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    foreground = bright if edge.mean() < 128 else 255 - bright
    count, labels = cv2.connectedComponents(foreground)
    masks = [labels == label for label in range(1, count)]
    return [mask for mask in masks if mask.sum() >= SMALLEST]


def main(folder: Path) -> None:
    """Print box and mask numbers of the validation split in `folder`."""
    path = folder / "annotations" / "instances_val.json"
    index = read_coco(path, folder / "images")
    predictions: list[dict[str, Any]] = []
    for record in index.images:
        for mask in parts(read_image(record.path)):
            x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
            predictions.append(
                {
                    "image_id": record.id,
                    "category_id": index.classes[0].id,
                    "bbox": [float(x), float(y), float(width), float(height)],
                    "score": float(min(1.0, mask.sum() / 1000)),
                    "segmentation": encode_rle(mask),
                }
            )
    metrics = evaluate_coco(path, predictions, max_dets=500)
    print(metrics.table())
    print(json.dumps({"mask_ap": metrics.mask.ap if metrics.mask else None}))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "datasets/nuclei"))
