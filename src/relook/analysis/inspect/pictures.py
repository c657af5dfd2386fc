"""Maps as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...data.images import Pixels
from .inspected_image import Values

_DARKEST = 0.15  # brightness where a map has its lowest value
_PALEST = 0.35  # brightness of the image's darkest pixel, so that maps show on dark images


def shaded(image: Pixels, values: Values) -> Image.Image:
    """`image` (H, W, 3) in grey, dark where `values` (h, w) are low and bright where they are high.

    From the lowest to the highest value; a map of one value leaves the grey image as it is.
    """
    light = _stretched(values, high=1.0)
    size = (image.shape[1], image.shape[0])
    smooth = Image.fromarray(light).resize(size, Image.Resampling.BILINEAR)
    factor = _DARKEST + (1 - _DARKEST) * np.asarray(smooth)
    under = _PALEST + (1 - _PALEST) * _stretched(image.mean(axis=2, dtype=np.float32), high=0.0)
    grey = (255 * under * factor).round().astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def grey(values: Values, size: tuple[int, int]) -> Image.Image:
    """`values` (h, w) as a picture of `size` (height, width), white where they are highest."""
    light = (_stretched(values, high=0.0) * 255).round().astype(np.uint8)
    return Image.fromarray(light).resize((size[1], size[0]), Image.Resampling.NEAREST)


def _stretched(values: Values, high: float) -> Values:
    """`values` from 0 to 1; `high` where all are the same."""
    low, top = float(values.min()), float(values.max())
    if not top > low:
        return np.full_like(values, high, dtype=np.float32)
    return ((values - low) / (top - low)).astype(np.float32)
