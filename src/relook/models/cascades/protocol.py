"""Protocol of a RoI cascade, as a detector uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from torch import Tensor

from ...ops.convention import Convention
from ...structures.detection import Detections, ImageBatch, Losses, Pyramid, Rois, Target
from ...structures.rules.cascade import SelectRule


class Cascade(Protocol):
    """Module that refines proposals to scored boxes and masks.

    `context` (B, C, H/8, W/8) is the feature map of the semantic branch, None without one.
    """

    select: SelectRule
    convention: Convention

    @property
    def masks(self) -> bool:
        """Return whether detections have masks."""
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
        rule: SelectRule,
    ) -> list[Detections]:
        """Detect objects in each image, best first; `rule` is `select`, or replaces it."""
        ...

    def score(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor]:
        """Refined boxes (R, 4) of the `proposals`, or (R, K, 4) of each class, and their scores
        (R, K) of the classes."""
        ...

    def mask_probabilities(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        labels: Tensor,
        images: ImageBatch,
    ) -> Tensor:
        """Probabilities (R, M, M) of the masks of given boxes, each for its class in `labels`
        (R,)."""
        ...

    def first(self, stages: int) -> Self:
        """The first `stages` of the cascade, for predicting: same heads, same tensors.

        Raises:
            UsageError: U03 when there are fewer stages.
        """
        ...
