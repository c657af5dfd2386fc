"""Masks of objects, which are probabilities over a box, as pixels of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..structures.detection import Paste, Size

Floats = NDArray[np.float32]
Window = tuple[NDArray[np.bool_], int, int]  # pixels of a part of an image, its x and its y


def paste_probabilities(probabilities: Floats, box: Floats, size: Size) -> tuple[Floats, int, int]:
    """A mask (M, M) stretched over `box` (4,): its window of the image, and the window's x and y.

    Pixel centres are sampled bilinearly, with zeros around the mask (Mask R-CNN's paste, as in the
    reference on the CPU). The window covers every pixel that can be above zero inside an image of
    `size`; it is empty for boxes without area or outside the image.
    """
    height, width = size
    x0, y0, x1, y1 = (float(v) for v in box)
    left, top = max(int(np.floor(x0)) - 1, 0), max(int(np.floor(y0)) - 1, 0)
    right, bottom = min(int(np.ceil(x1)) + 1, width), min(int(np.ceil(y1)) + 1, height)
    if right <= left or bottom <= top or not (x1 > x0 and y1 > y0):
        return np.zeros((0, 0), dtype=np.float32), 0, 0
    cells = len(probabilities)
    framed = _framed(probabilities)
    down = _weights(_places(y0, y1, top, bottom, cells), cells + 2)
    across = _weights(_places(x0, x1, left, right, cells), cells + 2)
    return down @ (framed @ across.T), left, top


def paste_sampled(probabilities: Floats, box: Floats, size: Size, threshold: float = 0.5) -> Window:
    """Mask where `paste_probabilities` reaches `threshold`: a bool window, and its x and y."""
    window, left, top = paste_probabilities(probabilities, box, size)
    return window >= np.float32(threshold), left, top


def paste_resized(probabilities: Floats, box: Floats, size: Size, threshold: float = 0.5) -> Window:
    """A mask (M, M) as MMDetection 1.x pastes it: a bool window of the image, its x and y.

    The mask is resized to the whole pixels of `box` (4,), at least one, and set where it is
    above `threshold`; the window is its part inside an image of `size`.
    """
    left, top = int(box[0]), int(box[1])
    right, bottom = max(int(box[2] - 1), left) + 1, max(int(box[3] - 1), top) + 1
    return _resized(probabilities, (left, top, right, bottom), size, threshold)


def paste_expanded(
    probabilities: Floats, box: Floats, size: Size, threshold: float = 0.5
) -> Window:
    """A mask (M, M) as torchvision pastes it: a bool window of the image, its x and y.

    Mask and `box` (4,) get a frame of one cell of zeros, are resized to the whole pixels of the
    larger box, both ends included, and the mask is set where it is above `threshold`.
    """
    cells = len(probabilities)
    grown = np.float32((cells + 2) / cells)
    centre, half = (box[:2] + box[2:]) * np.float32(0.5), (box[2:] - box[:2]) * np.float32(0.5)
    left, top = (int(v) for v in centre - half * grown)
    right, bottom = (int(v) + 1 for v in centre + half * grown)
    whole = (left, top, max(right, left + 1), max(bottom, top + 1))
    return _resized(_framed(probabilities), whole, size, threshold)


PASTES: Final[dict[Paste, Callable[..., Window]]] = {
    "sampled": paste_sampled,
    "resized": paste_resized,
    "expanded": paste_expanded,
}


def _resized(
    values: Floats, box: tuple[int, int, int, int], size: Size, threshold: float
) -> Window:
    """Mask of `values` (h, w) above `threshold`, stretched over the whole pixels of `box`: the part
    inside an image of `size`. Beyond the outermost centres, values are those there."""
    height, width = size
    left, top, right, bottom = box
    first_x, first_y = max(left, 0), max(top, 0)
    rows = _centres(top, bottom, first_y, min(bottom, height), values.shape[0])
    columns = _centres(left, right, first_x, min(right, width), values.shape[1])
    down, across = _weights(rows, values.shape[0]), _weights(columns, values.shape[1])
    window = down @ (values.astype(np.float32) @ across.T)
    return window > np.float32(threshold), first_x, first_y


def _framed(probabilities: Floats) -> Floats:
    """`probabilities` (M, M) with zeros around them."""
    cells = len(probabilities)
    framed = np.zeros((cells + 2, cells + 2), dtype=np.float32)
    framed[1:-1, 1:-1] = probabilities
    return framed


def _places(start: float, end: float, first: int, last: int, cells: int) -> Floats:
    """Places of the pixels from `first` to before `last` on a scale of `cells` and one more on
    each side, where cell 1 begins at `start` and the last ends at `end`."""
    centres = np.arange(first, last, dtype=np.float32) + np.float32(0.5)
    return (centres - np.float32(start)) / np.float32(end - start) * np.float32(cells) + np.float32(
        0.5
    )


def _centres(start: int, end: int, first: int, last: int, cells: int) -> Floats:
    """Places of the pixels from `first` to before `last` on a scale of `cells`, the first of which
    begins at `start` and the last ends at `end`."""
    pixels = np.arange(first - start, max(last, first) - start, dtype=np.float32)
    scale = np.float32(cells / (end - start))
    return scale * (pixels + np.float32(0.5)) - np.float32(0.5)


def _weights(places: Floats, cells: int) -> Floats:
    """Weights (P, cells) of the two cells beside each of `places` (P,), by their distance."""
    place = places.clip(0, cells - 1)
    below = np.minimum(np.floor(place), max(cells - 2, 0)).astype(np.int64)
    share = place - below.astype(np.float32)
    weights: NDArray[Any] = np.zeros((len(place), cells), dtype=np.float32)
    rows = np.arange(len(place))
    weights[rows, below] = 1 - share
    if cells > 1:
        weights[rows, below + 1] = share
    return weights
