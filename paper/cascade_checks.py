"""What both cascades stand on, computed again by plain loops: boxes, mask flow, losses."""

from __future__ import annotations

import math
from itertools import chain

import torch

from relook.config.cascades import STAGES
from relook.models.cascades.steps import refine
from relook.models.heads.box import box_loss
from relook.models.heads.mask import MaskHead, carry_conv, mask_loss
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Matched, Rois, Target

from . import loops
from .detectors_checks import layer
from .equation import numbers, random, shaken
from .loops import Map

SIZE = (60, 80)  # height and width of the made-up image
Box = list[float]


def an_image() -> ImageBatch:
    """One image without pixels that matter."""
    pixels = torch.zeros(1, 3, 64, 96, dtype=torch.float64)
    return ImageBatch(pixels, (SIZE,), ((64, 96),), (SIZE,), ((1.0, 1.0),))


def rois(boxes: list[Box]) -> Rois:
    """Boxes of this image."""
    table = torch.tensor(boxes, dtype=torch.float64)
    return Rois(table, torch.zeros(len(table), dtype=torch.int64))


def moved(box: Box, deltas: list[float], std: tuple[float, ...]) -> Box:
    """A box decoded and cut at the image, by its corners."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    dx, dy, dw, dh = (delta * scale for delta, scale in zip(deltas, std, strict=True))
    most = abs(math.log(16 / 1000))
    centre = (x1 + x2) / 2 + width * dx, (y1 + y2) / 2 + height * dy
    half = (
        width * math.exp(min(max(dw, -most), most)) / 2,
        height * math.exp(min(max(dh, -most), most)) / 2,
    )
    corners = (
        centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1]
    )  # fmt: skip
    limits = (SIZE[1], SIZE[0], SIZE[1], SIZE[0])
    return [min(max(v, 0.0), limit) for v, limit in zip(corners, limits, strict=True)]


def refinement() -> float:
    """Three boxes through the three stages of the presets."""
    ours = rois([[10, 8, 40, 50], [3, 2, 9, 30], [50, 20, 79, 58]])
    theirs = numbers(ours.boxes)
    for stage in STAGES:
        deltas = random(3, 4) * 3
        theirs = [
            moved(box, own, stage.std) for box, own in zip(theirs, numbers(deltas), strict=True)
        ]
        ours = refine(ours, deltas, stage.std, an_image())
    return loops.difference(numbers(ours.boxes), theirs)


def mask_features(head: MaskHead, pooled: Map, carried: Map | None = None) -> Map:
    """Four convolutions, after what is carried has joined, by loops."""
    x = pooled if carried is None else loops.plus(pooled, loops.relu(carried))
    for conv in head.convs:
        x = loops.relu(layer(conv, x, padding=1))
    return x


def mask_logits(head: MaskHead, features: Map) -> Map:
    """The upsampling and the logits by loops: every cell becomes two by two."""
    kernel, bias = numbers(head.upsample.weight), numbers(head.upsample.bias)
    rows, columns = len(features[0]), len(features[0][0])
    wide = [
        [
            [
                max(
                    bias[o]
                    + sum(
                        features[c][y // 2][x // 2] * kernel[c][o][y % 2][x % 2]
                        for c in range(len(features))
                    ),
                    0.0,
                )
                for x in range(2 * columns)
            ]
            for y in range(2 * rows)
        ]
        for o in range(len(bias))
    ]
    return layer(head.logits, wide)


def mask_flow() -> float:
    """Two mask heads with HTC's projection, on features of 4x4 cells."""
    first = shaken(MaskHead(2, 3, 2))
    second = shaken(MaskHead(2, 3, 2, carry_conv(3, 2)))
    pooled = random(1, 2, 4, 4)
    seen = first.features(pooled)
    # Logits are handed out in float32 whatever comes in, so features are what is compared.
    ours = second.features(pooled, seen)
    assert second.carry is not None
    plain = numbers(pooled[0])
    carried = layer(second.carry, mask_features(first, plain))
    theirs = mask_features(second, plain, carried)
    apart = loops.difference(numbers(ours[0]), theirs)
    wide = numbers(second.logits(second.upsample(ours).relu())[0])
    return max(apart, loops.difference(wide, mask_logits(second, theirs)))


def losses() -> float:
    """Four RoIs, two of them positive, and masks of two objects."""
    box: list[Box] = [[5, 5, 30, 40], [8, 4, 33, 38], [40, 10, 70, 50], [1, 1, 9, 9]]
    objects: list[Box] = [[6.0, 6, 32, 39], [42, 12, 72, 52]]
    positive = [0, 2]
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 8:36, 7:30], masks[1, 15:40, 45:60] = True, True
    target = Target(
        torch.tensor(objects, dtype=torch.float64), torch.tensor([0, 1]), crop_masks(masks)
    )
    index = torch.tensor([0, -1, 1, -1])
    labels = torch.tensor([0, 2, 1, 2])  # 2 is background
    gt = torch.where(index[:, None] >= 0, target.boxes[index.clamp(min=0)], 0)
    matched = Matched(rois(box), labels, gt, index, torch.zeros(4, dtype=torch.bool))
    logits, deltas, maps = random(4, 3), random(4, 4), random(2, 2, 4, 4)
    std = STAGES[1].std
    found = box_loss(logits, deltas, matched, std)
    ours = [float(found["class"]), float(found["box"])]
    ours.append(float(mask_loss(maps, matched[torch.tensor(positive)], [target])))
    chosen = [
        loops.softmax(row)[c] for row, c in zip(numbers(logits), numbers(labels), strict=True)
    ]
    theirs = [-sum(map(math.log, chosen)) / 4, 0.0]
    for row, g in zip(positive, objects, strict=True):
        goal = _encoded(box[row], g, std)
        apart = [abs(a - b) for a, b in zip(numbers(deltas[row]), goal, strict=True)]
        theirs[1] += sum(d * d / 2 if d < 1 else d - 0.5 for d in apart) / 4
    theirs.append(
        _mask_loss(numbers(maps), [box[row] for row in positive], numbers(masks.double()))
    )
    return loops.difference(ours, theirs)


def _encoded(box: Box, goal: Box, std: tuple[float, ...]) -> list[float]:
    width, height = box[2] - box[0], box[3] - box[1]
    values = (
        (goal[0] + goal[2] - box[0] - box[2]) / 2 / width,
        (goal[1] + goal[3] - box[1] - box[3]) / 2 / height,
        math.log((goal[2] - goal[0]) / width),
        math.log((goal[3] - goal[1]) / height),
    )
    return [value / scale for value, scale in zip(values, std, strict=True)]


def _mask_loss(maps: list[Map], boxes: list[Box], masks: list[loops.Plane]) -> float:
    """Binary cross-entropy of each positive's own class; row r is of class and object r."""
    total, cells = 0.0, 0
    for r, (logits, box, mask) in enumerate(zip(maps, boxes, masks, strict=True)):
        own = logits[r]
        goal = loops.roi_align([mask], box, len(own), 1)[0]
        for value, covered in zip(chain(*own), chain(*goal), strict=True):
            p = loops.sigmoid(value)
            total -= math.log(p) if covered >= 0.5 else math.log(1 - p)
            cells += 1
    return total / cells
