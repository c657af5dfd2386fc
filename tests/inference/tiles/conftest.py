"""A detector without a network: it finds bright spots, as sharply as masks of 28 x 28 allow."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.inference.predictor import Predictor
from relook.structures.detection import Detections, ImageBatch
from relook.structures.object_sizes import ObjectSizes


class Spots(nn.Module):
    """Finds spots, in images that keep their size: each is an object with a score of 0.9."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.sizes: list[tuple[int, int]] = []  # of all images that it saw, as they came
        self.asked: list[int | None] = []  # caps on detections

    def detect(
        self,
        images: ImageBatch,
        *,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        agnostic: bool = False,
    ) -> list[Detections]:
        self.asked.append(max_detections)
        found = []
        for row, size, original in zip(
            images.pixels, images.sizes, images.original_sizes, strict=True
        ):
            self.sizes.append(original)
            bright = (row[0, : size[0], : size[1]] > 0).numpy().astype(np.uint8)
            bright = cv2.resize(bright, original[::-1], interpolation=cv2.INTER_NEAREST)
            _, numbers, stats, _ = cv2.connectedComponentsWithStats(bright)
            boxes, masks = [], []
            for number, (x, y, w, h, _) in enumerate(stats.tolist()):
                if number:
                    mask = (numbers[y : y + h, x : x + w] == number).astype(np.float32)
                    masks.append(torch.from_numpy(cv2.resize(mask, (28, 28))))
                    boxes.append([x, y, x + w, y + h])
            found.append(
                Detections(
                    torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                    torch.full((len(boxes),), 0.9),
                    torch.zeros(len(boxes), dtype=torch.int64),
                    torch.stack(masks) if masks else torch.zeros(0, 28, 28),
                    original,
                )
            )
        return found


@pytest.fixture
def spots() -> Predictor:
    """A model with an input of 96 x 96, which cuts images above 128 pixels into tiles of 64."""
    config = preset("htc-tiny").with_(num_classes=2, semantic=None, input__size=(96, 96))
    classes = (Category(7, "spot"), Category(9, "other"))
    return Predictor(
        Spots(),  # type: ignore[arg-type]
        config,
        classes,
        device="cpu",
        sizes=ObjectSizes((8.0, 9.0, 10.0, 11.0, 12.0), (8.0, 12.0), 50, "masks"),
        fast=False,
    )


def lattice(height: int, width: int, step: int = 30, side: int = 12) -> np.ndarray[Any, Any]:
    """A picture (H, W, 3) with square spots of `side` pixels, `step` apart."""
    picture = np.full((height, width, 3), 20, dtype=np.uint8)
    for top in range(5, height - side, step):
        for left in range(5, width - side, step):
            picture[top : top + side, left : left + side] = 220
    return picture
