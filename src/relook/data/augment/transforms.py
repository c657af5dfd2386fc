"""Resizing and augmentation as transforms of torchvision (`torchvision.transforms.v2`).

All of them take and return a dictionary with ``image`` (tv Image, uint8, (3, H, W)), ``boxes``
(tv BoundingBoxes, xyxy, (G, 4)), ``labels`` (G,) and, where there are any, ``masks`` (tv Mask,
bool, (G, H, W)) and ``semantic`` (tv Mask, uint8, (H, W)); torchvision's own geometry and colour
transforms fit in between. Random numbers come from torch's default generator.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ...errors import UsageError
from ...structures.detection import Size
from ..resizing import Limits, resize_image, resized_size
from .appearance import appearance
from .crop import Sample, as_boxes, clipped, cut_window, refitted
from .rule import Augment


def resize_masks(masks: Tensor, size: Size) -> Tensor:
    """`masks` (H, W) or (G, H, W), uint8 or bool, at `size` by nearest pixel, OpenCV's rule.

    An object of `masks` (G, H, W) bool that falls between the samples keeps one pixel where it
    was, so that no object is lost.
    """
    old_h, old_w = masks.shape[-2:]
    new_h, new_w = size
    if (old_h, old_w) == size:
        return masks
    source = masks.numpy().view(np.uint8)
    planes = source.reshape(-1, old_h, old_w)
    resized = np.empty((len(planes), new_h, new_w), dtype=np.uint8)
    for plane, out in zip(planes, resized, strict=True):
        # One plane at a time is several times faster than one gather for all.
        cv2.resize(np.ascontiguousarray(plane), (new_w, new_h), out, 0, 0, cv2.INTER_NEAREST)
        if masks.dtype == torch.bool and masks.ndim == 3 and not out.any():
            rows, columns = np.nonzero(plane)
            if len(rows):
                middle = len(rows) // 2
                out[rows[middle] * new_h // old_h, columns[middle] * new_w // old_w] = 1
    result = torch.from_numpy(resized).reshape(*masks.shape[:-2], new_h, new_w)
    return result.view(torch.bool) if masks.dtype == torch.bool else result


class ResizeKeepRatio(v2.Transform):  # type: ignore[misc]
    """Scale to fit `limits` (long, short), keeping the shape of the image.

    With a pair of limits, both sides are drawn anew for every image, each evenly between its two
    values. Boxes are scaled by the exact factor of each axis and clipped.
    """

    def __init__(self, limits: Limits | tuple[Limits, Limits]) -> None:
        super().__init__()
        self.smallest, self.largest = _limit_range(limits)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The size drawn for one sample."""
        (long_a, short_a), (long_b, short_b) = self.smallest, self.largest
        long, short = _randint(long_a, long_b), _randint(short_a, short_b)
        return {"size": resized_size(*_image_size(flat_inputs), (long, short))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample at the drawn size."""
        return _resized(inpt, params["size"])


class LargeScaleJitterCrop(v2.Transform):  # type: ignore[misc]
    """Scale by a random factor, then cut out a random window of at most `size` (height, width).

    Factor 1 is the scale at which the image just fits into `size`; factors are drawn evenly from
    `scale_range`. An image that is smaller than the window is not padded: batching does that.
    Objects outside of the window are dropped; those cut by its edge keep exactly the part inside,
    and their box is computed anew from that part.

    The window is cut out before it is scaled, so most of the work is on its pixels only.
    """

    def __init__(self, scale_range: tuple[float, float], size: Size) -> None:
        super().__init__()
        low, high = scale_range
        if not 0 < low <= high < float("inf"):
            raise UsageError(
                "U03", f"scale_range is (smallest, largest) above 0, got {scale_range}"
            )
        if min(size) < 1:
            raise UsageError("U03", f"size is (height, width) in pixels, got {size}")
        self.scale_range = (float(low), float(high))
        self.size = (int(size[0]), int(size[1]))

    def forward(self, sample: Sample) -> Sample:
        """`sample` with the window only."""
        height, width = sample["image"].shape[-2:]
        top, left, window, size = self.draw(height, width)
        return self.finished(*cut_window(sample, top, left, window), size)

    def finished(self, cut: Sample, is_cut: Tensor, size: Size) -> Sample:
        """The window `cut` at `size`; boxes of objects that were cut (G,) are those of masks."""
        resized = {key: _resized(value, size) for key, value in cut.items()}
        if "masks" in resized:
            resized["boxes"] = refitted(resized["boxes"], resized["masks"], is_cut)
        return resized

    def draw(self, height: int, width: int) -> tuple[int, int, Size, Size]:
        """A window in an image (top, left, its size), and the size it is to be scaled to."""
        low, high = self.scale_range
        factor = low + (high - low) * float(torch.rand(()))
        scale = factor * min(self.size[0] / height, self.size[1] / width)
        full_h, full_w = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
        out_h, out_w = min(self.size[0], full_h), min(self.size[1], full_w)
        window_h = min(height, max(1, round(out_h * height / full_h)))
        window_w = min(width, max(1, round(out_w * width / full_w)))
        top, left = _randint(0, height - window_h), _randint(0, width - window_w)
        return top, left, (window_h, window_w), (out_h, out_w)


class RandomQuarterTurn(v2.Transform):  # type: ignore[misc]
    """Turn by 0, 90, 180 or 270 degrees, each as likely: for images that have no up."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The number of quarter turns drawn for one sample."""
        return {"turns": _randint(0, 3)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample, turned counter-clockwise."""
        turns = params["turns"]
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            boxes, (height, width) = inpt.as_subclass(Tensor), inpt.canvas_size
            for _ in range(turns):
                x1, y1, x2, y2 = boxes.unbind(dim=1)
                boxes = torch.stack([y1, width - x2, y2, width - x1], dim=1)
                height, width = width, height
            return as_boxes(boxes, (height, width))
        if isinstance(inpt, tv_tensors.Image | tv_tensors.Mask):
            return tv_tensors.wrap(
                torch.rot90(inpt.as_subclass(Tensor), turns, (-2, -1)), like=inpt
            )
        return inpt


def training_transforms(
    size: Limits | tuple[Limits, Limits], augment: Augment | None = None
) -> v2.Transform:
    """Random changes that keep an image a likely image of the same things.

    Images are scaled to the range of sizes of `augment`, or else to `size` (one limit or a range of
    them, see `ResizeKeepRatio`); or, with a crop, to what `LargeScaleJitterCrop` draws. Copy-paste
    needs a second image, and is the data set's work.

    Raises:
        UsageError: U03 for a value out of range.
    """
    rule = augment or Augment()
    steps: list[v2.Transform] = []
    if rule.scale_jitter is not None and rule.crop is not None:
        steps.append(LargeScaleJitterCrop(rule.scale_jitter, rule.crop))
    else:
        steps.append(ResizeKeepRatio(rule.size or size))
    if rule.flip:
        steps.append(v2.RandomHorizontalFlip(rule.flip))
    if rule.vertical_flip:
        steps.append(v2.RandomVerticalFlip(rule.vertical_flip))
    if rule.quarter_turns:
        steps.append(RandomQuarterTurn())
    return v2.Compose([*steps, *appearance(rule)])


def evaluation_transforms(size: Limits) -> v2.Transform:
    """Transform of every image at test time: scaled to fit `size` (long, short)."""
    return ResizeKeepRatio(size)


def _limit_range(limits: Limits | tuple[Limits, Limits]) -> tuple[Limits, Limits]:
    first, second = limits
    if isinstance(first, int) and isinstance(second, int):
        return _limit_range(((first, second), (first, second)))
    if isinstance(first, int) or isinstance(second, int):
        raise UsageError("U03", f"limits are (long, short) or two of them, got {limits}")
    for (a, b), name in zip(zip(first, second, strict=True), ("long", "short"), strict=True):
        if not 1 <= a <= b:
            raise UsageError("U03", f"limits of the {name} side must rise from 1, got {a} to {b}")
    return (int(first[0]), int(first[1])), (int(second[0]), int(second[1]))


def _randint(low: int, high: int) -> int:
    """Any integer from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, ()))


def _image_size(flat_inputs: list[Any]) -> Size:
    for entry in flat_inputs:
        if isinstance(entry, tv_tensors.Image):
            return int(entry.shape[-2]), int(entry.shape[-1])
    raise UsageError("U03", "a sample needs an image (torchvision.tv_tensors.Image)")


def _resized(entry: Any, size: Size) -> Any:
    if isinstance(entry, tv_tensors.BoundingBoxes):
        height, width = entry.canvas_size
        scale = torch.tensor([size[1] / width, size[0] / height] * 2, dtype=entry.dtype)
        return clipped(entry.as_subclass(Tensor) * scale, size)
    if isinstance(entry, tv_tensors.Mask):
        return tv_tensors.Mask(resize_masks(entry.as_subclass(Tensor), size))
    if isinstance(entry, tv_tensors.Image):
        pixels = entry.as_subclass(Tensor).permute(1, 2, 0).numpy()
        resized = resize_image(np.ascontiguousarray(pixels), size)
        return tv_tensors.Image(torch.from_numpy(resized).permute(2, 0, 1))
    return entry
