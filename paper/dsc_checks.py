"""DSC, computed again by plain loops."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from relook.config.cascades import DSCConfig
from relook.models.build.cascade import build_dsc
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.cascades.steps import Learning
from relook.models.heads.box import box_loss
from relook.models.heads.mask import mask_loss
from relook.ops.frames import align_inside, cut, enlarge
from relook.ops.guided_roi_align import pool_guided
from relook.ops.masks import crop_masks
from relook.ops.roi_align import pool_pyramid
from relook.structures.detection import Losses, Target
from relook.structures.rules.guidance import GuidanceRule, Product

from . import loops
from .cascade_checks import SIZE, Box, an_image, mask_features, mask_logits, moved, rois
from .detectors_checks import layer, normalised
from .equation import numbers, random, shaken
from .loops import Map, Plane

STRIDES = (4, 8, 16, 32)
CHANNELS = 2
BOXES: list[Box] = [[10, 8, 40, 50], [30, 4, 76, 58], [2, 30, 12, 44]]


def _pyramid() -> list[Tensor]:
    return [random(1, CHANNELS, 64 // s, 96 // s) for s in (*STRIDES, 64)]


def _grown(box: Box, ratio: float) -> Box:
    x1, y1, x2, y2 = box
    more = (ratio - 1) / 2
    return [
        x1 - (x2 - x1) * more, y1 - (y2 - y1) * more, x2 + (x2 - x1) * more, y2 + (y2 - y1) * more
    ]  # fmt: skip


def _pooled(pyramid: list[Map], box: Box, side: int, **options: Any) -> Map:
    """RoIAlign from the level that fits."""
    index = loops.level(box, len(STRIDES))
    return loops.roi_align(pyramid[index], box, side, STRIDES[index], **options)


def frames() -> float:
    """The ratios of the presets, and enlarging by them."""
    ratios = GuidanceRule().ratios(3)
    apart = [abs(r - round(2 ** ((3 - t) / 3), 2)) for t, r in enumerate(ratios)]
    for ratio in ratios:
        ours = numbers(enlarge(rois(BOXES).boxes, ratio))
        apart.append(loops.difference(ours, [_grown(box, ratio) for box in BOXES]))
    return max(apart)


def clipping() -> float:
    """What of a new frame lies in the old one."""
    new, old = rois(BOXES).boxes + random(3, 4) * 20, rois(BOXES).boxes
    theirs = [
        [min(max(v, low), high) for v, low, high in zip(a, b[:2] * 2, b[2:] * 2, strict=True)]
        for a, b in zip(numbers(new), numbers(old), strict=True)
    ]
    return loops.difference(numbers(cut(new, old)), theirs)


def pooling() -> float:
    """Three RoIs, enlarged, from two levels."""
    pyramid = _pyramid()
    plain = [numbers(level[0]) for level in pyramid]
    grown = [_grown(box, 2.0) for box in BOXES]
    ours = pool_pyramid(pyramid, rois(grown), 7, STRIDES)
    return loops.difference(numbers(ours), [_pooled(plain, box, 7) for box in grown])


def _weight_at(weights: Plane, v: float, u: float) -> float:
    """Bilinear between the centres of the cells that divide the box; the border goes on."""
    rows, columns = len(weights), len(weights[0])
    y = min(max(v * rows - 0.5, 0.0), rows - 1.0)
    x = min(max(u * columns - 0.5, 0.0), columns - 1.0)
    return loops.between(weights, y, x)


def _weighted(pyramid: list[Map], box: Box, weights: Plane, side: int, product: Product) -> Map:
    if product == "of_samples":
        return _pooled(pyramid, box, side, weigh=partial(_weight_at, weights))
    means = loops.pooled_mean(weights, side)
    return [
        loops.cellwise(lambda f, w: f * w, [plane], [means])[0]
        for plane in _pooled(pyramid, box, side)
    ]


def _guided(product: Product) -> float:
    pyramid = _pyramid()
    weights = torch.rand(3, 1, 14, 14, dtype=torch.float64) + 1
    ours = pool_guided(pyramid, rois(BOXES), 7, STRIDES, weights, product)
    plain = [numbers(level[0]) for level in pyramid]
    theirs = [
        _weighted(plain, box, numbers(own[0]), 7, product)
        for box, own in zip(BOXES, weights, strict=True)
    ]
    return loops.difference(numbers(ours), theirs)


def guided_samples() -> float:
    """The mean of products, as it is written."""
    return _guided("of_samples")


def guided_means() -> float:
    """The product of means, as it is by default."""
    return _guided("of_means")


def _relative(features: Map, frame: Box, box: Box, side: int) -> Map:
    """Features of a frame sampled again in a box."""
    size = len(features[0])
    low, high = frame[:2] * 2, frame[2:] * 2
    inside = [(v - a) / (b - a) * size for v, a, b in zip(box, low, high, strict=True)]
    return loops.roi_align(features, inside, side, 1)


def alignment() -> float:
    """Every RoI's own features, for a frame that has moved and shrunk."""
    features = random(3, CHANNELS, 7, 7)
    old = [_grown(box, 2.0) for box in BOXES]
    new = [_grown([v + 3 for v in box], 1.59) for box in BOXES]
    ours = align_inside(features, rois(old).boxes, rois(new).boxes, 7)
    theirs = [
        _relative(own, frame, box, 7)
        for own, frame, box in zip(numbers(features), old, new, strict=True)
    ]
    return loops.difference(numbers(ours), theirs)


class _Replay:
    """A small Fast DSC of three iterations on one image, and the same by loops."""

    def __init__(self, product: Product) -> None:
        config = DSCConfig(
            guidance=GuidanceRule(side=7, product=product), box_hidden=3, mask_channels=2
        )
        self.cascade: ShapeGuidedCascade = shaken(build_dsc(config, None, CHANNELS, 2), 0.5)
        self.product = product
        self.maps = _pyramid()
        self.plain = [numbers(level[0]) for level in self.maps]

    def fused(self, fuse: Any, x: Map, shown: Map, side: int) -> Map:
        """``x + w · shown``: a 1x1 convolution, its norm, ReLU, brought to the side of `x`."""
        added = loops.relu(normalised(fuse.norm, layer(fuse.conv, shown)))
        return loops.plus(x, [loops.pooled_mean(plane, side) for plane in added])

    def masks(self, t: int, box: Box, before: tuple[Map, Box] | None) -> tuple[Map, Box, Plane]:
        """``(M, F)`` of iteration `t`: features, the frame they lie in, and the logits."""
        head = self.cascade.guidance_heads[t]
        frame = _grown(box, self.cascade.ratios[t])
        x = _pooled(self.plain, frame, 7)
        if before is not None:
            x = self.fused(head.carry, x, _relative(*before, frame, 7), 7)
        features = mask_features(head, x)
        return features, frame, mask_logits(head, features)[0]

    def box(self, t: int, box: Box, seen: tuple[Map, Box, Plane]) -> tuple[list[float], Box]:
        """Class logits and the next box."""
        features, frame, logits = seen
        weights = loops.cellwise(lambda v: loops.sigmoid(v) + 1, [logits])[0]
        where = box if t == self.cascade.last_stage else frame
        x = _weighted(self.plain, where, weights, 7, self.product)
        head = self.cascade.box_heads[t]
        x = self.fused(head.fuse, x, features, 7)
        row = [v for plane in x for line in plane for v in line]
        for fc in (head.fc1, head.fc2):
            row = [max(v, 0.0) for v in loops.linear(row, numbers(fc.weight), numbers(fc.bias))]
        found = [
            loops.linear(row, numbers(last.weight), numbers(last.bias))
            for last in (head.classify, head.regress)
        ]
        return found[0], moved(box, found[1], self.cascade.rules[t].std)

    def through(self, box: Box) -> tuple[Box, list[float], tuple[Map, Box, Plane]]:
        """One RoI through all iterations: its box, its scores, and what was seen last."""
        seen, all_logits = None, []
        for t in range(len(self.cascade.rules)):
            seen = self.masks(t, box, seen and seen[:2])
            logits, box = self.box(t, box, seen)
            all_logits.append(logits)
        assert seen is not None
        chosen = [all_logits[t] for t in self.cascade.scoring]
        mean = [sum(values) / len(chosen) for values in zip(*chosen, strict=True)]
        return box, loops.softmax(mean)[:-1], seen


def _boxes_and_scores(product: Product) -> float:
    replay = _Replay(product)
    boxes, scores = replay.cascade.score(replay.maps, None, rois(BOXES), an_image())
    theirs = [replay.through(box)[:2] for box in BOXES]
    return max(
        loops.difference(numbers(boxes), [one[0] for one in theirs]),
        loops.difference(numbers(scores), [one[1] for one in theirs]),
    )


def boxes() -> float:
    """Boxes and scores after all iterations, of both products."""
    return max(_boxes_and_scores("of_means"), _boxes_and_scores("of_samples"))


def masks() -> float:
    """The final masks of boxes, which all iterations have gone before."""
    replay = _Replay("of_means")
    labels = torch.tensor([0, 1, 0])
    ours = replay.cascade.mask_probabilities(replay.maps, None, rois(BOXES), labels, an_image())
    head = replay.cascade.mask_head
    theirs = []
    for box, label in zip(BOXES, labels.tolist(), strict=True):
        features, frame, _ = replay.through(box)[2]
        shown = _relative(features, frame, box, 7)
        x = replay.fused(head.carry, _pooled(replay.plain, box, 14), shown, 14)
        logits = mask_logits(head, mask_features(head, x))[label]
        theirs.append(loops.cellwise(loops.sigmoid, [logits])[0])
    return loops.difference(numbers(ours), theirs)


def losses() -> float:
    """What a cascade loses on one image, from what its loss functions were heard to say."""
    heard: list[float] = []

    def told(losses: Losses) -> Losses:
        heard.extend(map(float, losses.values()))
        return losses

    cascade = _Replay("of_means").cascade
    cascade.learning = Learning(
        box_loss=lambda *given: told(box_loss(*given)),
        mask_loss=lambda *given: told({"": mask_loss(*given)})[""],
    )
    masks = torch.zeros(1, *SIZE, dtype=torch.bool)
    masks[0, 10:45, 12:36] = True
    target = Target(rois(BOXES[:1]).boxes, torch.tensor([1]), crop_masks(masks), seed=0)
    found = cascade.loss(_pyramid(), None, rois(BOXES), an_image(), [target])
    *stages, mask = heard
    total = mask
    for t, (beta, _) in enumerate(zip((1.0, 0.5, 0.5), cascade.rules, strict=True)):
        of_class, of_box, of_guide = stages[3 * t : 3 * t + 3]
        total += of_class + beta * of_box + of_guide
    return abs(float(sum(found.values())) - total)
