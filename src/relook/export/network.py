"""The whole detector as one function of tensors, from 8-bit pixels to objects."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ..config.model import InputConfig
from ..models.detector import Detector
from ..models.folding.fold import fold
from ..ops.cpu.switch import plain
from ..structures.detection import ImageBatch, Size


class ExportedDetector(nn.Module):
    """`Detector.detect` for one image, with tensors for arguments.

    Args:
        detector: The network; it is folded, so that constants are computed once.
        input: Its normalisation.
        max_detections: Most objects in an image, in place of the detector's own cap.
    """

    input_mean: Tensor
    input_deviation: Tensor

    def __init__(
        self, detector: Detector, input: InputConfig, max_detections: int | None = None
    ) -> None:
        super().__init__()
        with plain():  # kernels stay in their own order
            self.detector = fold(detector)
        mean, std = input.normalisation
        self.register_buffer("input_mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("input_deviation", torch.tensor(std)[:, None, None])
        self.max_detections = max_detections
        self.eval()

    def forward(self, image: Tensor, size: Tensor, scale: Tensor, score: Tensor) -> list[Tensor]:
        """Boxes (N, 4) in pixels of the original image, scores (N,), labels (N,), and for a model
        with masks their probabilities (N, 28, 28) over each box; best first.

        `image` (H, W, C) uint8 is the canvas, with H and W multiples of 32 from 96 on. The picture
        is its upper left part of `size` (2,) int64, height and width; what is beside it does not
        count. `scale` (2,) is the width and the height of the picture over those of the original
        image, and `score` () the score that objects are above.
        """
        pixels = (image.permute(2, 0, 1).float() - self.input_mean) / self.input_deviation
        height, width = image.shape[0], image.shape[1]
        rows = torch.arange(height, device=image.device) < size[0]
        columns = torch.arange(width, device=image.device) < size[1]
        pixels = torch.where(rows[:, None] & columns, pixels, 0.0)[None]
        shown = cast(Size, (size[0], size[1]))
        factors = cast(tuple[float, float], (scale[0], scale[1]))
        images = ImageBatch(pixels, (shown,), (shown,), (shown,), (factors,))
        (found,) = self.detector.detect(
            images, score_threshold=cast(float, score), max_detections=self.max_detections
        )
        masks = found.mask_probabilities
        outputs = [found.boxes, found.scores, found.labels]
        return outputs if masks is None else [*outputs, masks]
