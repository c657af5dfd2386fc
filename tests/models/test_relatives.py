"""Faster and Mask R-CNN, and models on ResNet-18: trained, folded, cut short."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relook.config.model import ModelConfig
from relook.models.folding import fold
from relook.models.heads.box import own_deltas
from relook.ops.cpu import switch
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target

from ..narrow_models import FEW, detector_of, narrow_config

NAMES = ["faster-rcnn-r50", "mask-rcnn-r50-v2", "mask-rcnn-r18", "detectors-htc-r18"]
SIZE = ((96, 128),)


def config(name: str, **changes: Any) -> ModelConfig:
    return narrow_config(name, **FEW, num_classes=3, **changes)


def images() -> ImageBatch:
    pixels = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    return ImageBatch(pixels, SIZE, SIZE, SIZE, ((1.0, 1.0),))


def target() -> Target:
    masks = torch.zeros(2, 96, 128, dtype=torch.bool)
    masks[0, 10:40, 10:50] = masks[1, 50:90, 60:120] = True
    boxes = torch.tensor([[10.0, 10, 50, 40], [60, 50, 120, 90]])
    return Target(boxes, torch.tensor([0, 2]), crop_masks(masks), None, 7)


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_trained(name: str) -> None:
    detector = detector_of(config(name, semantic=None, backbone__frozen_stages=0)).train()
    losses = detector.loss(images(), [target()])
    masks = detector.cascade.masks  # type: ignore[union-attr]
    assert ("stage0.mask" in losses) == bool(masks)
    torch.stack(list(losses.values())).sum().backward()
    idle = [n for n, p in detector.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle
    assert all(p.grad is None or p.grad.isfinite().all() for p in detector.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("numerics", ["v2", "torchvision"])
@torch.no_grad()
def test_the_folded_detector_finds_the_same(name: str, numerics: str) -> None:
    detector = detector_of(config(name, numerics=numerics)).eval()
    with switch.plain():
        (plain,) = detector.detect(images(), score_threshold=0.0)
    (folded,) = fold(detector).detect(images(), score_threshold=0.0)
    assert len(plain) == len(folded) > 0
    torch.testing.assert_close(folded.scores, plain.scores, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        folded.boxes.sum(0), plain.boxes.sum(0), rtol=1e-3, atol=0.1
    )  # boxes of equal scores may change places


def test_rows_have_the_deltas_of_their_class() -> None:
    deltas = torch.arange(24.0).view(2, 12)
    assert own_deltas(deltas, torch.tensor([1, 2])).tolist() == [[4, 5, 6, 7], [20, 21, 22, 23]]
    assert own_deltas(deltas, torch.tensor([3, 3]))[0].tolist() == [8, 9, 10, 11]  # background
    assert own_deltas(deltas[:, :4], torch.tensor([1, 1])).tolist() == deltas[:, :4].tolist()


def test_boxes_of_each_class_are_not_refined_on() -> None:
    with pytest.raises(Exception, match="needs a single stage"):
        config("htc-r18", cascade__box__boxes="each_class")
