"""Validation of panoptic maps during a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..config.model import ModelConfig
from ..data.coco.reader import Category
from ..data.panoptic.reader import PanopticIndex, read_truth
from ..evaluation.panoptic.quality import PanopticQuality
from ..evaluation.panoptic.scores import ClassQuality, PanopticScores, summed
from ..inference.panoptic import PanopticTask
from ..inference.results import Result
from ..structures.panoptic import PanopticCategory

Counted = tuple[ClassQuality, ...]  # of one image, its true and predicted classes


class PanopticValidation:
    """Scoring of single images, by the rule of the model's predictions."""

    def __init__(
        self,
        index: PanopticIndex,
        config: ModelConfig,
        classes: Sequence[Category],
        stuff: Sequence[PanopticCategory],
    ) -> None:
        self.index = index
        self._task = PanopticTask.of(config, classes, stuff, config.panoptic)
        self._images = {image.id: image for image in index.images}

    def score(self, image_id: int, result: Result, labels: NDArray[np.uint8]) -> Counted:
        """Score the segments of an image; `labels` (H, W) are those of its pixels.

        Raises:
            DataError: D01, D02 or D15 for its map.
        """
        image = self._images[image_id]
        predicted = self._task.of_result(result, labels).panoptic
        assert predicted is not None
        quality = PanopticQuality(self.index.categories)
        quality.add(read_truth(image), predicted, f'image {image_id} ("{image.file_name}")')
        return tuple(
            class_quality for class_quality in quality.scores().classes if class_quality.is_counted
        )

    def scores(self, parts: Sequence[Mapping[int, Counted]]) -> PanopticScores:
        """Sum the scores of all images, each counted once, over all processes."""
        of_image: dict[int, Counted] = {}
        for part in parts:
            of_image |= part
        return summed(self.index.categories, of_image.values())
