"""The values that parts of a detector exchange.

Shape letters used in every comment and docstring of this package::

    B  images in the batch              C H W  channels, height, width
    R  RoIs, summed over the batch      K      foreground classes (label K is background)
    P  positive RoIs                    M      side of a mask crop, 28
    G  objects in one image             L      pyramid levels
    N  detections in one image          A      anchors of one image, all levels

Boxes are float ``(x1, y1, x2, y2)`` in pixels, edges without the legacy "+1": of the network
input, except in `Detections`, where they are pixels of the original image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Size = tuple[int, int]  # (height, width)
Pyramid: TypeAlias = "list[Tensor]"  # finest first, each (B, C, H_l, W_l)
Paste = Literal["sampled", "resized", "expanded"]
"""Conversion of mask probabilities to pixels (`ops.pasting`)."""
Losses: TypeAlias = "dict[str, Tensor]"
"""Scalars that are weighted already; the training loss is their plain sum."""

IGNORE = 255  # semantic label of pixels that are not labelled


@dataclass(frozen=True, slots=True, eq=False)
class ImageBatch:
    """Normalised images, each in the upper left corner of one common canvas of zeros."""

    pixels: Tensor  # (B, 3, H, W) float; H and W are multiples of 32
    sizes: tuple[Size, ...]  # of each image in the network input, without padding
    padded_sizes: tuple[Size, ...]  # of each image padded by itself, before the common canvas
    original_sizes: tuple[Size, ...]  # of each original image
    scales: tuple[tuple[float, float], ...]  # (x, y): size over original size

    def __len__(self) -> int:
        return len(self.sizes)

    def to(self, device: torch.device | str) -> ImageBatch:
        """The same batch with its pixels on `device`."""
        pixels = self.pixels.to(device, non_blocking=True)
        return ImageBatch(pixels, self.sizes, self.padded_sizes, self.original_sizes, self.scales)


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMasks:
    """Masks of the G objects of one image, each as a window around the object.

    Whole-image masks of hundreds of small objects would not fit in memory. The window of object g
    starts at ``origins[g]``, and outside of it the mask is zero. Windows have two pixels of margin
    wherever the image allows, so that bilinear sampling of the crop equals that of the whole mask
    (`ops.masks.crop_masks` makes them).
    """

    crops: Tensor  # (G, h, w) bool; one common crop size, that of the largest object
    origins: Tensor  # (G, 2) int64, x and y of each crop's first pixel
    size: Size  # of the image

    def __len__(self) -> int:
        return len(self.crops)

    def to(self, device: torch.device | str) -> ObjectMasks:
        """The same masks on `device`."""
        return ObjectMasks(self.crops.to(device), self.origins.to(device), self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Ground truth of one image, in pixels of the network input."""

    boxes: Tensor  # (G, 4)
    labels: Tensor  # (G,) int64 in [0, K)
    masks: ObjectMasks | None = None  # None for data with boxes only
    semantic: Tensor | None = None  # (H_i, W_i) uint8 of the unpadded image, 255 = unlabelled
    seed: int | None = None
    """Seed of the draws of anchors and RoIs of this image; without one they are from torch's own
    generator, and depend on earlier draws."""

    def to(self, device: torch.device | str) -> Target:
        """The same target on `device`."""
        return Target(
            self.boxes.to(device),
            self.labels.to(device),
            None if self.masks is None else self.masks.to(device),
            None if self.semantic is None else self.semantic.to(device),
            self.seed,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rois:
    """Regions of a whole batch as one table, ordered by image.

    Every per-RoI tensor in this package has R rows in this order, so that features of a RoI can go
    from one stage of a cascade to the next.
    """

    boxes: Tensor  # (R, 4)
    image_index: Tensor  # (R,) int64, non-decreasing

    @classmethod
    def cat(cls, boxes_per_image: Sequence[Tensor]) -> Rois:
        """One table from one (R_i, 4) tensor per image."""
        import torch

        if len(boxes_per_image) == 1:  # its rows need not be counted, so that it can be exported
            (boxes,) = boxes_per_image
            return cls(boxes, torch.zeros_like(boxes[:, 0], dtype=torch.int64))
        device = boxes_per_image[0].device
        counts = torch.tensor([len(boxes) for boxes in boxes_per_image], device=device)
        image_index = torch.arange(len(counts), device=device).repeat_interleave(counts)
        return cls(torch.cat(list(boxes_per_image)), image_index)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Tensor) -> Rois:
        return Rois(self.boxes[rows], self.image_index[rows])

    def with_boxes(self, boxes: Tensor) -> Rois:
        """Same rows, moved to `boxes` (R, 4)."""
        return Rois(boxes, self.image_index)

    def per_image(self, values: Tensor, num_images: int) -> list[Tensor]:
        """`values` (R, ...) cut into one tensor per image."""
        import torch

        if num_images == 1:
            return [values]
        counts = torch.bincount(self.image_index, minlength=num_images)
        return list(values.split(counts.tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """RoIs and their targets."""

    rois: Rois
    labels: Tensor  # (R,) int64 in [0, K], K for background
    gt_boxes: Tensor  # (R, 4); zeros for background
    gt_index: Tensor  # (R,) int64 row in the target of the same image; -1 for background
    is_gt: Tensor  # (R,) bool: the RoI is an object's own box, added to the proposals

    @property
    def is_positive(self) -> Tensor:
        """Return whether each RoI has an object, (R,) bool."""
        return self.gt_index >= 0

    def __getitem__(self, rows: Tensor) -> Matched:
        return Matched(
            self.rois[rows],
            self.labels[rows],
            self.gt_boxes[rows],
            self.gt_index[rows],
            self.is_gt[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Objects found in one image, best first, in pixels of the original image."""

    boxes: Tensor  # (N, 4)
    scores: Tensor  # (N,) in [0, 1], descending
    labels: Tensor  # (N,) int64 in [0, K)
    mask_probabilities: Tensor | None  # (N, M, M) over each box; None for box-only models
    size: Size  # of the original image
    paste: Paste = "sampled"
    semantic: Tensor | None = None  # (H, W) uint8, most likely label of each pixel, if computed
    stage_scores: Tensor | None = None  # (N, S) of the label, by each of several stages alone

    def __len__(self) -> int:
        return len(self.boxes)

    def arrays(self) -> DetectionArrays:
        """The same objects as arrays, in the memory of the machine."""
        masks, semantic, stages = self.mask_probabilities, self.semantic, self.stage_scores
        return DetectionArrays(
            self.boxes.cpu().float().numpy().reshape(-1, 4),
            self.scores.cpu().float().numpy(),
            self.labels.cpu().long().numpy(),
            None if masks is None else masks.cpu().float().numpy(),
            self.size,
            self.paste,
            None if semantic is None else semantic.cpu().numpy(),
            None if stages is None else stages.cpu().float().numpy(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class DetectionArrays:
    """Objects found in one image, best first, in pixels of the original image: `Detections` that
    need no PyTorch."""

    boxes: NDArray[np.float32]  # (N, 4)
    scores: NDArray[np.float32]  # (N,) in [0, 1], descending
    labels: NDArray[np.int64]  # (N,) in [0, K)
    mask_probabilities: NDArray[np.float32] | None  # (N, M, M) over each box; None without masks
    size: Size  # of the original image
    paste: Paste = "sampled"
    semantic: NDArray[np.uint8] | None = None  # (H, W) most likely label of each pixel
    stage_scores: NDArray[np.float32] | None = None  # (N, S) by each of several stages alone

    def __len__(self) -> int:
        return len(self.boxes)

    def arrays(self) -> DetectionArrays:
        """These objects."""
        return self


AnyDetections: TypeAlias = Detections | DetectionArrays
"""Objects found in one image, as tensors or as arrays; `arrays` gives arrays of both."""
