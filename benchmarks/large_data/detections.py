"""Made-up detections of a made-up file: some are its objects moved a little, the others are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from .made import CORNERS


def write_detections(
    path: Path, truth: Path, per_image: int = 100, classes: int = 80, seed: int = 1
) -> Path:
    """Write `per_image` COCO results of each image of `truth`, with boxes and run lengths."""
    draw = np.random.default_rng(seed)
    tables = json.loads(truth.read_bytes())
    objects: dict[int, list[Any]] = {image["id"]: [] for image in tables["images"]}
    for row in tables["annotations"]:
        objects[row["image_id"]].append(row)
    turns = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        separator = ""
        for image in tables["images"]:
            height, width = image["height"], image["width"]
            centres, radii, labels = _drawn(draw, objects[image["id"]], per_image, classes, image)
            points = centres[:, None] + radii[:, None] * np.stack(
                [np.cos(turns), np.sin(turns)], axis=1
            )
            points = points.clip(0, [width, height]).round(2)
            low, high = points.min(axis=1), points.max(axis=1)
            scores = draw.uniform(0.01, 1, per_image).round(4).tolist()
            codes = coco_mask.frPyObjects(points.reshape(per_image, -1).tolist(), height, width)
            boxes = np.concatenate([low, high - low], axis=1).round(2).tolist()
            for box, score, label, code in zip(boxes, scores, labels, codes, strict=True):
                mask = {"size": [height, width], "counts": code["counts"].decode()}
                row = {
                    "image_id": image["id"],
                    "category_id": label,
                    "bbox": box,
                    "score": score,
                    "segmentation": mask,
                }
                file.write(separator + json.dumps(row))
                separator = ",\n"
        file.write("]\n")
    return path


def _drawn(
    draw: np.random.Generator, rows: list[Any], count: int, classes: int, image: dict[str, Any]
) -> tuple[Any, Any, list[int]]:
    """Centres (N, 2), radii (N, 2) and categories of the detections of an image."""
    radii = draw.uniform(4, 60, (count, 2))
    centres = draw.uniform(0, 1, (count, 2)) * [image["width"], image["height"]]
    labels = (draw.integers(classes, size=count) + 1).tolist()
    for place in range(min(3 * len(rows), count)):  # three detections of each object
        row = rows[place // 3]
        x, y, width, height = row["bbox"]
        radii[place] = np.array([width, height]) / 2 * draw.uniform(0.8, 1.2, 2)
        shift = draw.normal(0, 0.1, 2) * [width, height]
        centres[place] = np.array([x + width / 2, y + height / 2]) + shift
        if draw.random() < 0.8:
            labels[place] = row["category_id"]
    return centres, radii, labels
