"""How many objects of a crowded mosaic are found, by the cap that is asked for.

`python benchmarks/crowded.py` puts the 16 small validation images of nuclei with the most objects
into one picture, predicts it with several `max_dets`, and prints how many of the
annotated objects are found: detections from the score that the model shows on, each matched to the
one object that it overlaps most, by boxes of an IoU of at least 0.5, the surest first.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import relook
from relook.inference.results import Result
from relook.ops.boxes import pairwise_iou
from relook.training.run_folder import environment

DATA = Path(__file__).resolve().parents[1] / "datasets" / "nuclei"
COLUMNS, TILES, LARGEST = 4, 16, 400  # LARGEST: pixels along a side of a small image


def mosaic(data: Path = DATA, tiles: int = TILES) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture (H, W, 3) of the `tiles` small images with the most objects, and the boxes
    (N, 4) x1, y1, x2, y2 of these."""
    content: dict[str, Any] = json.loads(
        (data / "annotations" / "instances_val.json").read_text(encoding="utf-8")
    )
    counts = Counter(row["image_id"] for row in content["annotations"])
    small = [i for i in content["images"] if max(i["width"], i["height"]) <= LARGEST]
    chosen = sorted(small, key=lambda image: -counts[image["id"]])[:tiles]
    height, width = (max(image[side] for image in chosen) for side in ("height", "width"))
    rows = -(-len(chosen) // COLUMNS)
    picture = np.zeros((rows * height, COLUMNS * width, 3), dtype=np.uint8)
    boxes = []
    for place, image in enumerate(chosen):
        top, left = place // COLUMNS * height, place % COLUMNS * width
        with Image.open(data / "images" / image["file_name"]) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        picture[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        for row in content["annotations"]:
            if row["image_id"] == image["id"]:
                x, y, w, h = row["bbox"]
                boxes.append([x + left, y + top, x + left + w, y + top + h])
    return picture, np.array(boxes, dtype=np.float32)


def hits(result: Result, boxes: NDArray[np.float32], iou: float = 0.5) -> int:
    """How many of `boxes` (N, 4) are found, each by one detection."""
    overlaps = pairwise_iou(torch.from_numpy(result.boxes), torch.from_numpy(boxes)).numpy()
    free = np.ones(len(boxes), dtype=bool)
    for row in overlaps:
        best = int(np.argmax(np.where(free, row, -1.0)))
        free[best] &= row[best] < iou
    return int((~free).sum())


def main(given: Sequence[str] | None = None) -> None:
    """Predict with every cap, and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--max-dets", type=int, nargs="+", default=[500, 1000, 3000])
    parser.add_argument("--size", type=int, default=2400, help="longer side for the network")
    parser.add_argument("--tiles", type=int, default=TILES)
    options = parser.parse_args(given)
    model = relook.load(options.model, device="cpu")
    picture, boxes = mosaic(tiles=options.tiles)
    versions = environment()
    print(f"{versions['system']}, {versions['cores']} cores, torch {torch.__version__}")
    print(f"{len(boxes)} objects in a mosaic of {picture.shape[1]}x{picture.shape[0]} pixels")
    for cap in options.max_dets:
        started = time.perf_counter()
        result = model.predict(picture, max_dets=cap, size=(options.size, options.size))
        seconds = time.perf_counter() - started
        usual = model.detector.rpn.test_rule.proposals
        proposals = max(usual, model.detector.crowd(cap))
        print(
            f"max_dets {cap}: {usual} to {proposals} proposals, {len(result)} detections, "
            f"{hits(result, boxes)} objects found, {seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
