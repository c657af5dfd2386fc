"""What a detector asks of its RoI cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from ...ops.convention import Convention
from ...structures.detection import Detections, ImageBatch, Losses, Pyramid, Rois, Target
from .steps import SelectRule


class Cascade(Protocol):
    """Refines proposals into scored boxes and masks.

    `context` (B, C, H/8, W/8) is the feature map of the semantic branch, None without one.
    """

    score_threshold: float
    max_detections: int
    select: SelectRule
    convention: Convention

    @property
    def masks(self) -> bool:
        """Whether detections have masks."""
        ...

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

    def score(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor]:
        """Refined boxes (R, 4) of the `proposals`, and their scores (R, K) of the classes."""
        ...

    def mask_probabilities(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        labels: Tensor,
        images: ImageBatch,
    ) -> Tensor:
        """Probabilities (R, M, M) of the masks in boxes that were found elsewhere, one for the
        class in `labels` (R,) of each."""
        ...
