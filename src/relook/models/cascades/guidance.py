"""Shape guidance (DSC): frames of RoIs, and features between iterations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...ops import boxes as box_ops
from ...ops.frames import align_inside, enlarge
from ...structures.detection import ImageBatch, Rois
from ...structures.rules.guidance import GuidanceRule
from ..heads.mask import MaskHead


@dataclass(frozen=True, slots=True, eq=False)
class GuidanceState:
    """Features of every RoI, from one iteration to the next."""

    features: Tensor  # (R, C, S, S), of the mask head
    frames: Tensor  # (R, 4), enlarged boxes of the features

    @classmethod
    def cat(cls, parts: Sequence[GuidanceState]) -> GuidanceState:
        """The states of several groups of RoIs as one, in this order."""
        features, frames = [part.features for part in parts], [part.frames for part in parts]
        return cls(torch.cat(features), torch.cat(frames))

    def __getitem__(self, rows: Tensor) -> GuidanceState:
        return GuidanceState(self.features[rows], self.frames[rows])


def frames_of(rois: Rois, ratio: float, images: ImageBatch, rule: GuidanceRule) -> Rois:
    """Frames of the RoIs: their boxes, `ratio` times as wide and high."""
    frames = rois.with_boxes(enlarge(rois.boxes, ratio))
    if not rule.clip_to_image:
        return frames
    boxes = frames.per_image(frames.boxes, len(images))
    return Rois.cat([box_ops.clip(b, s) for b, s in zip(boxes, images.sizes, strict=True)])


def mask_features_of(
    earlier: Iterable[MaskHead],
    pooled: Tensor,
    state: GuidanceState | None,
    boxes: Tensor,
    rule: GuidanceRule,
) -> Tensor | None:
    """Features (R, C, S, S) for the next mask head: those of the head before, in `boxes` (R, 4).

    None for the first head. `earlier` are all heads before, and `pooled` the features of the RoIs
    for the next head; both are needed for ``alignment="recompute"``.
    """
    if state is None or not rule.mask_flow:
        return None
    if rule.alignment == "none":
        return state.features
    if rule.alignment == "relative":
        return align_inside(state.features, state.frames, boxes, rule.side)
    features = None
    for head in earlier:
        features = head.features(pooled, features)
    return features
