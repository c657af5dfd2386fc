"""A whole detection with the numerics of MMDetection 1.x against the same, written out literally.

The detector's networks are used; everything between them is spelled out here in the old way:
boxes by their first and last pixel, "+1" in every width. No recorded run of that version exists
here, so this shows that the numerics are those of the description, from proposals to pixels.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from twins import batch, target, twin, twin_config

from relook.errors import UsageError
from relook.models.build import build_detector
from relook.models.cascades.htc import HybridTaskCascade
from relook.models.detector import Detector
from relook.ops.pasting import PASTES
from relook.structures.detection import ImageBatch, Pyramid

SIZE, ORIGINAL = (96, 128), (61, 80)
SMALL = {
    "rpn__anchors__scale": 8.0,
    "rpn__test__candidates": 50,
    "rpn__test__proposals": 40,
    "cascade__select__max_detections": 15,
    "cascade__select__score_threshold": 0.001,
}


def _images() -> ImageBatch:
    scales = ((SIZE[1] / ORIGINAL[1], SIZE[0] / ORIGINAL[0]),)
    return ImageBatch(batch(SIZE).pixels, (SIZE,), (SIZE,), (ORIGINAL,), scales)


def _detector(name: str, numerics: str) -> Detector:
    detector = twin(name, numerics=numerics, **SMALL).eval()
    torch.manual_seed(3)
    for key, parameter in detector.named_parameters():
        if key.endswith(("objectness.weight", "classify.weight", "logits.weight")):
            torch.nn.init.normal_(parameter, std=0.2)  # scores and masks of some contrast
        elif key.endswith(("deltas.weight", "regress.weight")):
            torch.nn.init.normal_(parameter, std=0.05)
    return detector


def _decode(boxes: Tensor, deltas: Tensor, std: tuple[float, ...]) -> Tensor:
    limit = abs(math.log(16 / 1000))
    moves = deltas * deltas.new_tensor(std)
    size = boxes[:, 2:] - boxes[:, :2] + 1
    centre = (boxes[:, :2] + boxes[:, 2:]) * 0.5 + size * moves[:, :2]
    size = size * moves[:, 2:].clamp(-limit, limit).exp()
    moved = torch.cat([centre - size * 0.5 + 0.5, centre + size * 0.5 - 0.5], dim=1)
    height, width = SIZE
    return moved.clamp(min=0).minimum(
        moved.new_tensor([width - 1, height - 1, width - 1, height - 1])
    )


def _nms(boxes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    kept: list[int] = []
    for row in scores.argsort(descending=True).tolist():
        x1, y1, x2, y2 = boxes[row].tolist()
        for other in kept:
            a1, b1, a2, b2 = boxes[other].tolist()
            w, h = min(x2, a2) - max(x1, a1) + 1, min(y2, b2) - max(y1, b1) + 1
            overlap = max(w, 0) * max(h, 0)
            both = (x2 - x1 + 1) * (y2 - y1 + 1) + (a2 - a1 + 1) * (b2 - b1 + 1) - overlap
            if overlap / both > threshold:
                break
        else:
            kept.append(row)
    return kept


def _proposals(detector: Detector, pyramid: Pyramid) -> Tensor:
    rpn, found, all_scores = detector.rpn, [], []
    for features, stride in zip(pyramid, (4, 8, 16, 32, 64), strict=True):
        x = rpn.conv(features).relu()
        scores = rpn.objectness(x)[0].permute(1, 2, 0).flatten().sigmoid()
        deltas = rpn.deltas(x)[0].permute(1, 2, 0).reshape(-1, 4)
        anchors = []
        for j in range(features.shape[2]):
            for i in range(features.shape[3]):
                for ratio in (0.5, 1.0, 2.0):
                    w, h = stride * 8 / math.sqrt(ratio), stride * 8 * math.sqrt(ratio)
                    c = 0.5 * (stride - 1)
                    cell = [c - (w - 1) / 2, c - (h - 1) / 2, c + (w - 1) / 2, c + (h - 1) / 2]
                    shift = (i * stride, j * stride) * 2
                    anchors.append([round(a) + s for a, s in zip(cell, shift, strict=True)])
        scores, rows = scores.topk(min(50, len(scores)))
        boxes = _decode(torch.tensor(anchors).float()[rows], deltas[rows], (1, 1, 1, 1))
        kept = _nms(boxes, scores, 0.7)[:40]
        found.append(boxes[kept])
        all_scores.append(scores[kept])
    scores = torch.cat(all_scores)
    return torch.cat(found)[scores.topk(min(40, len(scores))).indices]


def _align(features: Tensor, box: Tensor, stride: int, side: int) -> Tensor:
    """Two by two samples in each of side x side bins, for one map (C, H, W) and box."""
    x1, y1, x2, y2 = (float(v) for v in box)
    samples = (torch.arange(2 * side) + 0.5) / 2

    def along(start: float, end: float, length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        at = start / stride + samples * max((end + 1 - start) / stride, 0) / side
        valid = (at >= -1) & (at <= length)
        at = at.clamp(0, length - 1)
        low = at.floor().long()
        return low, (low + 1).clamp(max=length - 1), at - low, valid

    top, bottom, v, y_valid = along(y1, y2, features.shape[1])
    left, right, u, x_valid = along(x1, x2, features.shape[2])
    v = v[:, None]
    upper = features[:, top][:, :, left] * (1 - u) + features[:, top][:, :, right] * u
    lower = features[:, bottom][:, :, left] * (1 - u) + features[:, bottom][:, :, right] * u
    values = (upper * (1 - v) + lower * v) * (y_valid[:, None] & x_valid)
    return F.avg_pool2d(values, 2)


def _pool(pyramid: Pyramid, context: Tensor | None, boxes: Tensor, side: int) -> Tensor:
    pooled = []
    for box in boxes:
        area = float((box[2] - box[0] + 1) * (box[3] - box[1] + 1))
        level = min(max(math.floor(math.log2(math.sqrt(area) / 56 + 1e-6)), 0), 3)
        crop = _align(pyramid[level][0], box, 4 * 2**level, side)
        if context is not None:
            around = _align(context[0], box, 8, 14)
            crop = crop + (around if side == 14 else F.avg_pool2d(around, 2))
        pooled.append(crop)
    return torch.stack(pooled)


def _detect(detector: Detector) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Boxes by first and last pixel of the original image, scores, labels, mask probabilities."""
    cascade, images = detector.cascade, _images()
    assert isinstance(cascade, HybridTaskCascade)
    pyramid = detector.features(images.pixels)
    context = None if detector.semantic is None else detector.semantic(pyramid)[1]
    boxes, logits = _proposals(detector, pyramid), []
    for head, rule in zip(cascade.box_heads, cascade.rules, strict=True):
        scored, deltas = head(_pool(pyramid, context, boxes, 7))
        logits.append(scored)
        boxes = _decode(boxes, deltas, rule.std)
    scores = (sum(logits) / 3).softmax(dim=1)
    factors = torch.tensor(images.scales * 2).flatten()
    boxes = boxes / factors
    rows, labels, best = [], [], []
    for label in range(cascade.num_classes):
        above = (scores[:, label] > cascade.select.score_threshold).nonzero().flatten()
        kept = above[_nms(boxes[above], scores[above, label], 0.5)]
        rows.append(kept)
        labels.append(torch.full_like(kept, label))
        best.append(scores[kept, label])
    order = torch.cat(best).argsort(descending=True)[:15]
    boxes, found = boxes[torch.cat(rows)[order]], torch.cat(labels)[order]
    if not len(cascade.mask_heads):
        return boxes, torch.cat(best)[order], found, None
    pooled, carried, maps = _pool(pyramid, context, boxes * factors, 14), None, []
    for mask_head in cascade.mask_heads:
        carried = mask_head.features(pooled, carried if cascade.hybrid.mask_flow else None)
        maps.append(mask_head.predict(carried)[range(len(found)), found].sigmoid())
    return boxes, torch.cat(best)[order], found, sum(maps[1:], maps[0]) / 3


@pytest.mark.parametrize("name", ["htc-tiny", "detectors-cascade-r50"])
@torch.no_grad()
def test_detections_are_those_of_the_literal_procedure(name: str) -> None:
    detector = _detector(name, "v1")
    boxes, scores, labels, masks = _detect(detector)
    (found,) = detector.detect(_images())
    assert len(found) == len(boxes) == 15
    assert found.labels.tolist() == labels.tolist()
    torch.testing.assert_close(found.scores, scores, rtol=1e-3, atol=1e-5)
    last = torch.tensor([0.0, 0, 1, 1])
    torch.testing.assert_close(found.boxes - last, boxes, rtol=1e-3, atol=2e-3)
    if masks is not None:
        assert found.mask_probabilities is not None
        torch.testing.assert_close(found.mask_probabilities, masks, rtol=1e-3, atol=1e-4)
        assert np.ptp(masks.numpy()) > 0.1
        assert found.paste == "resized"
        for mask, box in zip(found.mask_probabilities, found.boxes, strict=True):
            window, left, top = PASTES[found.paste](mask.numpy(), box.numpy(), found.size)
            x1, y1, x2, y2 = (int(v) for v in box - last)
            assert (left, top) == (x1, y1)
            assert window.shape == (y2 - y1 + 1, x2 - x1 + 1)


@torch.no_grad()
def test_the_two_numerics_differ_with_the_same_weights() -> None:
    (old,), (new,) = (_detector("htc-tiny", v).detect(_images()) for v in ("v1", "v2"))
    assert new.paste == "sampled"
    assert not torch.allclose(old.boxes, new.boxes, atol=0.05)


def test_old_numerics_can_only_predict() -> None:
    config = twin_config("htc-tiny").with_(numerics="v1")
    images = _images()
    goals = [target("htc-tiny", [[10.0, 10, 60, 60]], SIZE)]
    with pytest.raises(UsageError, match="can only predict") as caught:
        build_detector(config).loss(images, goals)
    assert caught.value.code == "U04"
