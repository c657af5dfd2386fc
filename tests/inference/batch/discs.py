"""A synthetic film of discs that move and touch, and a detector that knows where they are.

A frame shows its number as seven black or white blocks in its first rows; the detector reads it
and gives the discs of that frame in a random order, with the masks that are seen: an earlier disc
covers a later one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.inference.predictor import Predictor
from relook.structures.detection import Detections, ImageBatch

HEIGHT, WIDTH, RADIUS = 64, 96, 6.0
BLOCK, BITS = 8, 7
NUM_FRAMES = 20
MISSED = {(1, 7), (1, 8), (0, 12)}  # disc and frame in which the detector does not find it


def places(frame: int) -> list[tuple[float, float]]:
    """Centres (x, y) of three discs, which move by a third and a sixth of their diameter a frame.

    The first two pass each other so closely that they touch (11.7 pixels between their centres),
    and the second one covers a part of the third (11.5 pixels).
    """
    return [(10 + 4.0 * frame, 24.0), (86 - 4.0 * frame, 35.5), (14 + 2.0 * frame, 47.0)]


def masks_of(frame: int) -> list[NDArray[np.bool_]]:
    """Pixels (H, W) that are seen of each disc."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    covered = np.zeros((HEIGHT, WIDTH), bool)
    masks = []
    for x, y in places(frame):
        disc = ((columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2) & ~covered
        covered |= disc
        masks.append(disc)
    return masks


def picture(frame: int) -> NDArray[np.uint8]:
    """The frame (H, W, 3)."""
    pixels = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for mask, grey in zip(masks_of(frame), (140, 180, 220), strict=True):
        pixels[mask] = grey
    for bit in range(BITS):
        pixels[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (frame >> bit & 1)
    return pixels


def write_film(path: Path, count: int = NUM_FRAMES, rate: int = 10) -> Path:
    """A video of the frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        for frame in range(count):
            image = av.VideoFrame.from_ndarray(picture(frame), format="rgb24")
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return path


def write_frames(folder: Path, count: int = NUM_FRAMES) -> Path:
    """A folder of the frames, whose names have no leading zeros."""
    folder.mkdir(parents=True)
    for frame in range(count):
        Image.fromarray(picture(frame)).save(folder / f"frame{frame}.png")
    return folder


class Discs(nn.Module):
    """Finds the discs of the frames that it is shown; `seen` are their numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[int] = []

    def detect(self, images: ImageBatch, **options: Any) -> list[Detections]:
        found = []
        for pixels, size in zip(images.pixels, images.original_sizes, strict=True):
            centres = [bit * BLOCK + BLOCK // 2 for bit in range(BITS)]
            bits = (pixels[0, BLOCK // 2, centres] > 0).tolist()
            frame = sum(1 << bit for bit, is_set in enumerate(bits) if is_set)
            self.seen.append(frame)
            found.append(self._detections(frame, size))
        return found

    def _detections(self, frame: int, size: tuple[int, int]) -> Detections:
        seen = masks_of(frame)
        order = [
            int(disc)
            for disc in np.random.default_rng(frame).permutation(len(seen))
            if (disc, frame) not in MISSED and seen[disc].any()
        ]
        boxes, crops = [], []
        for disc in order:
            rows, columns = np.nonzero(seen[disc])
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            boxes.append([float(value) for value in box])
            window = torch.from_numpy(seen[disc][box[1] : box[3], box[0] : box[2]].copy())
            crop = nn.functional.interpolate(window[None, None].float(), (28, 28), mode="bilinear")
            crops.append(crop[0, 0])
        return Detections(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            torch.full((len(order),), 0.9),
            torch.zeros(len(order), dtype=torch.int64),
            torch.stack(crops) if crops else torch.zeros(0, 28, 28),
            size,
        )


def disc_predictor() -> Predictor:
    """A model whose network is `Discs`."""
    config = preset("htc-tiny").with_(num_classes=1, semantic=None, input__size=(96, 96))
    return Predictor(
        Discs(),  # type: ignore[arg-type]
        config,
        (Category(5, "disc"),),
        device="cpu",
        fast=False,
    )


def true_disc(frame: int, box: list[float]) -> int:
    """The disc that a box (x1, y1, x2, y2) is closest to."""
    centre = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return int(np.linalg.norm(np.array(places(frame)) - centre, axis=1).argmin())


def num_switches(found: list[tuple[int, list[float], int]]) -> int:
    """How often a disc has another identity than in the frame before, in (frame, box, identity)."""
    last: dict[int, int] = {}
    switches = 0
    for frame, box, identity in found:
        disc = true_disc(frame, box)
        switches += last.get(disc, identity) != identity
        last[disc] = identity
    return switches
