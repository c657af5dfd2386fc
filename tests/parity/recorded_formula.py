"""Weights, images and objects of the recorded training step, by the formulas of the recording.

All numbers come from `uniform`, raw output of numpy's PCG64 under a seed made of a name. Its stream
is guaranteed and weights need no function that rounds differently somewhere, so that they are the
same everywhere; pixels are rounded to 1/64. Key names are the reference's.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Size, Target

Shape = tuple[int, ...]
Floats = NDArray[np.float64]

CANVAS = (256, 320)
# Image: its size in the network, and before.
SIZES: dict[str, tuple[Size, Size]] = {
    "single": ((256, 320), (384, 480)),
    "batch0": ((250, 310), (200, 248)),
    "batch1": ((232, 276), (348, 414)),
}
BATCH = ("batch0", "batch1")
SAMPLES = 2000  # entries that are kept of a large tensor

# Pattern of keys: gain, and whether what the inputs have in common is taken out of each row.
_GAINS: tuple[tuple[str, float, bool], ...] = (
    (r"downsample\.0\.", 1.0, False),
    (r"neck\.lateral_convs\.", 0.5, True),
    (r"neck\.fpn_convs\.", 1.0, False),
    (r"rpn_conv\.", math.sqrt(2), True),
    (r"rpn_cls\.", 2.5, True),
    (r"rpn_reg\.", 0.4, True),
    (r"shared_fcs\.[01]\.", 2.0, True),
    (r"fc_cls\.", 5.0 * 0.4, True),
    (r"fc_reg\.", 1.0 * 0.4, True),
    (r"semantic_head\.lateral_convs\.", 0.8, True),
    (r"semantic_head\.conv_logits\.", 2.0, True),
    (r"\.conv_logits\.", 3.0, True),
    (r"\.upsample\.", math.sqrt(2), True),
    (r"bbox_head\.\d\.conv_res\.", math.sqrt(2) * 0.4, False),
    ("", math.sqrt(2), False),
)
# Layer: mean and deviation of its bias.
_BIASES = {
    "rpn_cls": (-1.0, 0.5),
    "rpn_reg": (0.0, 0.1),
    "fc_reg": (0.0, 0.2),
    "fc_cls": (0.0, 0.3),
}
_OTHER_BIASES = (0.0, 0.05)
_BACKGROUND = 12.0  # more for the last class


def uniform(name: str, shape: Shape) -> Floats:
    """Numbers of mean 0 and variance 1 that depend on `name` alone."""
    return _unit(name, shape, 2.0, 1.0) * math.sqrt(3)


def weights(shapes: Mapping[str, Shape], *, one_head: bool = False) -> dict[str, Tensor]:
    """A state dict for the reference's keys and shapes.

    `one_head`: of a detector with one box head and basic blocks, whose rules are others.
    """
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros(shape, dtype=torch.int64)
            continue
        is_norm = f"{key.rpartition('.')[0]}.running_mean" in shapes
        if one_head:
            values = _one_head_norm(key, shape) if is_norm else _one_head_layer(key, shape)
        else:
            values = _norm(key, shape) if is_norm else _layer(key, shape)
        state[key] = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    return state


def images(*names: str) -> ImageBatch:
    """The images of these names as a batch, zero beside them."""
    sizes, original = zip(*(SIZES[name] for name in names), strict=True)
    pixels = torch.zeros(len(sizes), 3, *CANVAS)
    for own, name, (h, w) in zip(pixels, names, sizes, strict=True):
        own[:, :h, :w] = torch.from_numpy(_picture(name, h, w))
    scales = tuple(
        (float(np.float32(w / old_w)), float(np.float32(h / old_h)))
        for (h, w), (old_h, old_w) in zip(sizes, original, strict=True)
    )
    return ImageBatch(pixels, sizes, (CANVAS,) * len(sizes), original, scales)


def rois(count: int = 20) -> Tensor:
    """Boxes (20, 4) of the single image, from 12 to 300 pixels, in quarters of a pixel."""
    height, width = CANVAS
    boxes = []
    for i, (left, top, ratio, _) in enumerate(_unit("rois", (count, 4))):
        side = 12.0 * (25.0 ** (i / (count - 1)))
        aspect = 0.5 + 1.5 * ratio
        w, h = min(side * aspect**0.5, width - 1), min(side / aspect**0.5, height - 1)
        x, y = left * (width - w), top * (height - h)
        boxes.append([x, y, x + w, y + h])
    return torch.from_numpy((np.round(np.array(boxes) * 4) / 4).astype(np.float32))


def targets() -> list[Target]:
    """What is in the images of `BATCH`: five objects each, and labels of blocks of pixels."""
    return [_target(i, SIZES[name][0]) for i, name in enumerate(BATCH)]


def kept_entries(key: str, count: int, kept: int = SAMPLES) -> NDArray[np.int64]:
    """Flat indices of the `kept` entries of a tensor of `count`."""
    raw = np.random.PCG64(zlib.crc32(f"idx/{key}".encode())).random_raw(kept)
    return (raw % np.uint64(count)).astype(np.int64)


def _unit(name: str, shape: Shape, factor: float = 1.0, less: float = 0.0) -> Floats:
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53 * factor - less).reshape(shape)


def _norm(key: str, shape: Shape) -> Floats:
    *_, layer, last = key.split(".")
    values = uniform(key, shape)
    match last:
        case "weight" if layer == "bn3":  # it closes a block
            return 0.45 + 0.05 * values
        case "weight":
            return 1.0 + 0.1 * values
        case "running_var":
            return 1.0 + 0.2 * np.abs(values)
    return 0.1 * values


def _one_head_norm(key: str, shape: Shape) -> Floats:
    """As `_norm`; the second norm closes a basic block."""
    *_, layer, last = key.split(".")
    if last == "weight" and layer == "bn2":
        return 0.45 + 0.05 * uniform(key, shape)
    return _norm(key, shape)


def _one_head_layer(key: str, shape: Shape) -> Floats:
    """As `_layer`, with the gains of a classifier and a regressor of a single stage."""
    if key.endswith("fc_cls.bias"):
        values = _layer(key, shape)
        values[-1] += 4.0 - _BACKGROUND
        return values
    gains = {"fc_cls": 1.3 / 2.0, "fc_reg": 1.0 / 0.4}
    factor = gains.get(key.split(".")[-2], 1.0) if key.endswith(".weight") else 1.0
    return _layer(key, shape) * factor


def _layer(key: str, shape: Shape) -> Floats:
    if key.endswith(".bias"):
        layer = key.split(".")[-2]
        mean, deviation = _BIASES.get(layer, _OTHER_BIASES)
        values = mean + deviation * uniform(key, shape)
        if layer == "fc_cls":
            values[-1] += _BACKGROUND
        return values
    gain, centred = next(row[1:] for row in _GAINS if re.search(row[0], key))
    inputs: tuple[int, ...] = (0,) if ".upsample." in key else tuple(range(1, len(shape)))
    values = uniform(key, shape)
    if centred:
        values = values - values.mean(axis=inputs, keepdims=True)
    fan = shape[0] if ".upsample." in key else math.prod(shape[1:])
    return values * (gain / math.sqrt(fan))


def _picture(name: str, height: int, width: int) -> NDArray[np.float32]:
    """Waves under rectangles and discs, (3, height, width)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    picture = np.zeros((3, height, width))
    across, down = _unit(f"{name}/fx", (24,)) * 0.12, _unit(f"{name}/fy", (24,)) * 0.12
    phase, strength = (
        _unit(f"{name}/ph", (24, 3)) * (2 * math.pi),
        _unit(f"{name}/am", (24,)) * 0.45,
    )
    for i in range(24):
        for c in range(3):
            picture[c] += strength[i] * np.cos(across[i] * x + down[i] * y + phase[i, c])
    for i, row in enumerate(_unit(f"{name}/rect", (10, 7))):
        cx, cy = row[0] * width, row[1] * height
        rx, ry = (0.05 + 0.2 * row[2]) * width, (0.05 + 0.2 * row[3]) * height
        if i % 2:
            inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        else:
            inside = (abs(x - cx) < rx) & (abs(y - cy) < ry)
        colour = (row[4:7] * 2 - 1) * 1.8
        picture[:, inside] = 0.3 * picture[:, inside] + colour[:, None]
    return (np.round(picture * 64) / 64).astype(np.float32)


def _target(image: int, size: Size) -> Target:
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) + 0.5
    boxes, labels, masks = [], [], []
    for j, row in enumerate(_unit(f"gt{image}", (5, 6))):
        side = (24, 48, 72, 110, 160)[j]
        w, h = side * (0.7 + 0.6 * row[2]), side * (0.7 + 0.6 * row[3])
        x1, y1 = np.round(row[0] * (width - w)), np.round(row[1] * (height - h))
        x2, y2 = np.round(x1 + w), np.round(y1 + h)
        boxes.append([x1, y1, x2, y2])
        labels.append(int(row[4] * 80))
        if j % 2:
            inside = (x > x1) & (x < x2) & (y > y1) & (y < y2)
            masks.append(inside & ((x - x1) / (x2 - x1) + (y - y1) / (y2 - y1) > 0.5))
        else:
            across = (x - (x1 + x2) / 2) / ((x2 - x1) / 2)
            down = (y - (y1 + y2) / 2) / ((y2 - y1) / 2)
            masks.append(across**2 + down**2 <= 1)
    blocks = (_unit(f"sem{image}", (8, 10)) * 183).astype(np.uint8)
    semantic = np.full(CANVAS, 255, np.uint8)
    whole = (slice(height // 8 * 8), slice(width // 8 * 8))
    semantic[whole] = np.kron(blocks, np.ones((32, 32), np.uint8))[whole]
    return Target(
        torch.tensor(boxes, dtype=torch.float32),
        torch.tensor(labels),
        crop_masks(torch.from_numpy(np.stack(masks)), canvas=CANVAS),
        torch.from_numpy(semantic[:height, :width].copy()),
    )
