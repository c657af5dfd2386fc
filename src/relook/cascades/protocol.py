"""What a detector asks of its RoI cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from ..types import Detections, ImageBatch, Losses, Pyramid, Rois, Target


class Cascade(Protocol):
    """Refines proposals into scored boxes and masks.

    `context` (B, C, H/8, W/8) is the feature map of the semantic branch, None without one.
    """

    score_threshold: float
    max_detections: int

    def loss(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        targets: Sequence[Target],
    ) -> Losses:
        """Losses of all stages, ``stage0.class``, ``stage0.box``, ..., already weighted."""
        ...

    def detect(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        *,
        score_threshold: float,
        max_detections: int,
    ) -> list[Detections]:
        """What is in each image, best first."""
        ...
