"""Pixels of any number of channels as a picture for people."""

from __future__ import annotations

import numpy as np

from .info import Pixels


def as_picture(pixels: Pixels) -> Pixels:
    """RGB (H, W, 3) uint8 of pixels (H, W, N): the first three channels, black where one lacks."""
    count = pixels.shape[2]
    if count == 3:
        return pixels
    if count > 3:
        return np.ascontiguousarray(pixels[:, :, :3])
    missing = np.zeros((*pixels.shape[:2], 3 - count), dtype=np.uint8)
    return np.concatenate([pixels, missing], axis=2)
