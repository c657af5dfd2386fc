"""Narrow twins: presets with small width fields and nothing else changed, fast enough to run."""

from __future__ import annotations

from typing import Any

import torch

from relook.config.model import ModelConfig
from relook.config.presets import PRESETS, preset
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target

WIDTHS = {
    "backbone.width": 16,  # ResNeXt widths need at least one channel a group
    "backbone.groups": 4,  # of a ResNeXt
    "pyramid.channels": 16,
    "cascade.box_hidden": 24,
    "cascade.mask_channels": 12,
}


def twin_config(name: str) -> ModelConfig:
    """The preset called `name`, narrowed."""
    config = preset(name)
    widths = {key.replace(".", "__"): n for key, n in WIDTHS.items()}
    if config.backbone.groups == 1:
        del widths["backbone__groups"]
    return config.with_(**widths)


def twin(name: str, **changes: Any) -> Detector:
    """A narrow detector with the same random weights at every call."""
    torch.manual_seed(0)
    detector = build_detector(twin_config(name).with_(**changes))
    for key, parameter in detector.named_parameters():
        if key.endswith("bn3.weight"):  # undamped, random residual branches of 100 layers explode
            torch.nn.init.constant_(parameter, 0.2)
    return detector


def batch(*sizes: tuple[int, int]) -> ImageBatch:
    """Random images of the given sizes on the smallest common canvas of zeros."""
    canvas = tuple(-(-max(size[i] for size in sizes) // 32) * 32 for i in (0, 1))
    generator = torch.Generator().manual_seed(1)
    pixels = torch.zeros(len(sizes), 3, *canvas)
    for image, (height, width) in zip(pixels, sizes, strict=True):
        image[:, :height, :width] = torch.randn(3, height, width, generator=generator)
    return ImageBatch(pixels, sizes, (canvas,) * len(sizes), sizes, ((1.0, 1.0),) * len(sizes))


def target(name: str, boxes: list[list[float]], size: tuple[int, int]) -> Target:
    """Objects that fill their boxes; a semantic map where the model wants one."""
    config = preset(name)
    masks = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[int(y1) : int(y2), int(x1) : int(x2)] = True
    labels = torch.arange(len(boxes)) % config.num_classes
    semantic = (masks.sum(0) % 2).to(torch.uint8) if config.semantic else None
    coordinates = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Target(coordinates, labels, crop_masks(masks), semantic)


NAMES = list(PRESETS)
