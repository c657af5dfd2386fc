"""Average precision of some images, or of images counted several times, from one matching.

Matches of an image do not depend on other images. So the precision of any part of a data set, or
of a resample, needs no matching of its own: detections of all images are sorted by score once,
equal ones by image, and counted as often as their image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

INTERVAL = (0.025, 0.975)  # quantiles: 95 %
_AT_ONCE = 16  # rows of weights that fit into the cache of a processor

Resampled = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""box or mask -> measure or group -> average precision in [0, 1] of all images, and of B resamples
(1 + B,); nan where there is no such object. Measures are `bootstrap.MEASURES`; of a group it is
AP."""


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The detections of a class at one IoU threshold that are right or wrong, best first.

    D detections, H of them right.
    """

    images: NDArray[np.int64]  # (D,) position of the image
    hits: NDArray[np.int64]  # (H,) which of the D have an object of their own


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """Matches of one class in I images, for every IoU threshold."""

    objects: NDArray[np.int64]  # (I,) objects that count
    levels: tuple[_Level, ...]


def resample_weights(num_images: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Weights of the images (1 + B, I): once each, then in each of B resamples.

    A resample draws as many images as there are, with replacement; the same seed draws the same
    ones for every model, so that differences between models are paired.
    """
    random = np.random.default_rng(seed)
    drawn = random.multinomial(num_images, np.full(num_images, 1 / num_images), resamples)
    return np.concatenate([np.ones((1, num_images), dtype=np.int64), drawn])


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The interval of 95 % of the resamples (B,); nan where none is a number."""
    defined = resampled[np.isfinite(resampled)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, INTERVAL)
    return float(low), float(high)


def only_images(
    classes: Sequence[ClassMatches], is_chosen: NDArray[np.bool_]
) -> list[ClassMatches]:
    """The matches in some of the images (I,), as if the others had no objects and no detections."""
    return [
        ClassMatches(
            np.where(is_chosen, matches.objects, 0),
            tuple(_only_images(level, is_chosen) for level in matches.levels),
        )
        for matches in classes
    ]


def _only_images(level: _Level, is_chosen: NDArray[np.bool_]) -> _Level:
    kept = is_chosen[level.images]
    is_hit = np.zeros(len(kept), dtype=bool)
    is_hit[level.hits] = True
    return _Level(level.images[kept], np.flatnonzero(is_hit[kept]))


def gather_matches(evaluator: Any, rows: Sequence[Mapping[str, Any] | None]) -> list[ClassMatches]:
    """The matches `rows` of `evaluator`, class by class and in each image by image, by class."""
    num_images = len(evaluator.params.imgIds)
    return [
        _gathered(rows[start : start + num_images], len(evaluator.params.iouThrs))
        for start in range(0, len(rows), num_images)
    ]


def average_precision(
    classes: Sequence[ClassMatches],
    weights: NDArray[np.int64],
    recalls: NDArray[np.float64],
) -> NDArray[np.float64]:
    """AP (B,) where image i counts as often as its weight in row b of `weights` (B, I).

    It is the mean over classes with objects, IoU thresholds and `recalls`, as in COCO; nan where
    there is no object.
    """
    averages: NDArray[np.float64] = precision_by_threshold(classes, weights, recalls).mean(axis=1)
    return averages


def precision_by_threshold(
    classes: Sequence[ClassMatches],
    weights: NDArray[np.int64],
    recalls: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same (B, T) for each of T IoU thresholds."""
    narrow = weights.astype(np.int32)  # sums of half the size, in half the time
    parts = [
        _precision_of(classes, narrow[start : start + _AT_ONCE], recalls)
        for start in range(0, len(narrow), _AT_ONCE)
    ]
    return np.concatenate(parts)


def _precision_of(
    classes: Sequence[ClassMatches], weights: NDArray[np.int32], recalls: NDArray[np.float64]
) -> NDArray[np.float64]:
    num_levels = max((len(matches.levels) for matches in classes), default=1)
    total, count = np.zeros((len(weights), num_levels)), np.zeros((len(weights), 1))
    for matches in classes:
        objects = weights @ matches.objects
        with_objects = np.flatnonzero(objects)
        if len(with_objects):
            levels = [
                _level(x, weights[with_objects], objects[with_objects], recalls)
                for x in matches.levels
            ]
            total[with_objects] += np.stack(levels, axis=1)
            count[with_objects] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _level(
    level: _Level,
    weights: NDArray[np.int32],
    objects: NDArray[np.int64],
    recalls: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean precision (B,) at one IoU threshold."""
    counted = _running(weights, level.images)[:, level.hits]
    right = _running(weights, level.images[level.hits])
    precision = right / (counted + np.spacing(1))  # as pycocotools divides
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(highest, ((0, 0), (0, 1)))  # no precision at a recall that is not reached
    recall = right / objects[:, None]
    means = [
        line[np.searchsorted(reached, recalls, side="left")].mean()
        for line, reached in zip(padded, recall, strict=True)
    ]
    return np.array(means)


def _running(weights: NDArray[np.int32], images: NDArray[np.int64]) -> NDArray[np.int32]:
    """Running sums (B, D) of the weights (B, I) of `images` (D,)."""
    sums: NDArray[np.int32] = weights.take(images, axis=1).cumsum(axis=1, dtype=np.int32)
    return sums


def _gathered(rows: Sequence[Mapping[str, Any] | None], num_levels: int) -> ClassMatches:
    objects = np.zeros(len(rows), dtype=np.int64)
    scores, images, matches, ignored = [], [], [], []
    for position, row in enumerate(rows):
        if row is None:
            continue
        objects[position] = np.count_nonzero(np.asarray(row["gtIgnore"]) == 0)
        scores.append(np.asarray(row["dtScores"], dtype=np.float64))
        images.append(np.full(len(row["dtScores"]), position))
        matches.append(np.asarray(row["dtMatches"]) > 0)
        ignored.append(np.asarray(row["dtIgnore"], dtype=bool))
    if not scores:
        empty = _Level(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        return ClassMatches(objects, (empty,) * num_levels)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    image_of = np.concatenate(images)[order]
    is_right = np.concatenate(matches, axis=1)[:, order]
    counts = ~np.concatenate(ignored, axis=1)[:, order]
    levels = tuple(
        _Level(image_of[kept], np.flatnonzero(right[kept]))
        for right, kept in zip(is_right, counts, strict=True)
    )
    return ClassMatches(objects, levels)
