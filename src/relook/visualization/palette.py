"""Colours: few, strong, distinct on dark and on bright pictures, and different for neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]  # red, green, blue

COLORS: Final[tuple[Color, ...]] = (
    (255, 87, 87),  # coral
    (46, 196, 255),  # sky
    (255, 209, 46),  # sun
    (61, 220, 132),  # green
    (196, 110, 255),  # violet
    (255, 148, 51),  # orange
    (72, 118, 255),  # blue
    (255, 105, 196),  # pink
    (32, 214, 199),  # turquoise
    (184, 224, 52),  # lime
    (255, 173, 153),  # salmon
    (150, 166, 255),  # lavender
)


def class_colors(labels: Sequence[int]) -> list[Color]:
    """One colour for each of `labels`, equal for equal labels.

    A class has the same colour in all pictures, unless another class of the picture has it already
    and another colour is free.
    """
    used: dict[int, int] = {}
    for label in sorted(set(labels)):
        places = [(label + step) % len(COLORS) for step in range(len(COLORS))]
        used_colors = set(used.values())
        used[label] = next((place for place in places if place not in used_colors), places[0])
    return [COLORS[used[label]] for label in labels]


def id_colors(ids: Sequence[int] | NDArray[np.int64]) -> list[Color]:
    """One colour for each of `ids`, from 1, that depends on the id alone."""
    return [COLORS[(int(number) - 1) % len(COLORS)] for number in ids]


def spread_colors(boxes: NDArray[np.float32]) -> list[Color]:
    """One colour for each of `boxes` (N, 4), with equal colours far apart.

    Objects are coloured one by one. Each gets the colour whose nearest object is farthest away, so
    that touching objects differ if fewer of them touch than there are colours.
    """
    nearest = np.full((len(COLORS), len(boxes)), np.inf)  # gap to each colour's nearest object
    chosen: list[Color] = []
    for row, box in enumerate(boxes):
        # An unused colour is infinitely far; among equals the next colour is taken, for variety.
        turned = np.roll(nearest[:, row], -(row % len(COLORS)))
        color = (int(turned.argmax()) + row) % len(COLORS)
        nearest[color] = np.minimum(nearest[color], _gaps(box, boxes))
        chosen.append(COLORS[color])
    return chosen


def _gaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance in pixels between `box` (4,) and each of `boxes` (N, 4); centres break ties."""
    apart = np.maximum(boxes[:, :2] - box[2:], box[:2] - boxes[:, 2:])
    between = np.linalg.norm(np.maximum(apart, 0), axis=1)
    centres = np.linalg.norm((boxes[:, :2] + boxes[:, 2:] - box[:2] - box[2:]) / 2, axis=1)
    gaps: NDArray[np.float32] = between + 1e-3 * centres
    return gaps


def text_color(background: Color) -> Color:
    """Near-black or white, the one with more contrast to `background`."""
    red, green, blue = background
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return (20, 20, 24) if luminance > 140 else (255, 255, 255)
