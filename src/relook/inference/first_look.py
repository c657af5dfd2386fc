"""The scale of an image by a first look at it: what is found at a few scales decides.

The evidence of a look is a product of three numbers from 0 to 1, of the objects from the score on
that the model shows them:

- the share of the pixels inside their boxes, so that fragments of an object count little;
- the sixth power of their mean score;
- the mean, weighted by score, of how usual their diameters are among the training objects
  (`ObjectSizes.likeness`).

The diameter of the objects of an image is the median of theirs, weighted by score and diameter:
specks that are found inside of large objects then count little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..data.images import Pixels
from ..structures.detection import AnyDetections, DetectionArrays, Size
from .backend import AnyEngine
from .options import PredictOptions
from .preprocess import Prepared, resized
from .scaling import ENLARGED, ImageScale, Scaling

LOOKS: Final = (0.5, 0.25)  # times the scale that the model has without a diameter
SURE: Final = 0.8  # mean score from which the model's own scale is taken at once
USUAL: Final = 1 / 3  # least likeness of a median diameter that asks for no other scale
PREFERRED: Final = 1.5  # times the evidence that another scale has to have
REFINEMENTS: Final = 2  # most looks after those
_CELLS: Final = 64  # along each side of the grid on which covered pixels are counted


T = TypeVar("T")


class Chosen(NamedTuple):
    """An image at the scale that was chosen, and what the first look found at it."""

    prepared: Prepared
    found: AnyDetections | None  # None where only a part of the image was looked at so


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """Objects found at one scale."""

    factor: float
    evidence: float
    diameter: float | None  # median in pixels of the image, weighted by score and diameter
    score: float  # mean
    prepared: Prepared
    found: AnyDetections
    is_whole: bool


def at_best_scales(
    window: Sequence[T],
    engine: AnyEngine,
    scaling: Scaling,
    options: PredictOptions,
    shown_from: float,
) -> tuple[list[T | Prepared], dict[int, AnyDetections]]:
    """The images of `window`, the prepared ones at the scale that `choose_scale` has for them, and
    by their place the detections of those that need no other pass. A first look takes no views.
    """
    looking = replace(options, tta=None, score=min(options.score or 0.0, shown_from))

    def detect(one: Prepared) -> AnyDetections:
        (found,) = engine.run_prepared([one], looking)
        return found

    images: list[T | Prepared] = list(window)
    found: dict[int, AnyDetections] = {}
    for row, one in enumerate(window):
        if isinstance(one, Prepared):
            chosen = choose_scale(one, scaling, detect, shown_from)
            images[row] = chosen.prepared
            if chosen.found is not None and options.tta is None:
                found[row] = chosen.found
    return images, found


def choose_scale(
    prepared: Prepared,
    scaling: Scaling,
    detect: Callable[[Prepared], AnyDetections],
    shown_from: float,
) -> Chosen:
    """The image of `prepared`, which is at the model's own scale, at the scale that suits it best.

    The image is looked at, by `detect`, at the model's own scale, which is taken at once where the
    mean score is at least `SURE` and the median diameter is usual. Else it is looked at at a half
    and a quarter of that, and, where it is shrunk to less than a half for the network, at larger
    scales in its middle. The scale with the most evidence wins, but the model's own gives way only
    to `PREFERRED` times its evidence. Where the median diameter is then not usual, the scale at
    which it meets that of the training objects is tried, at most `REFINEMENTS` times, and taken
    where it has `PREFERRED` times the evidence. Where nothing is found at any scale the model's own
    stays.
    """
    own = scaling.default(prepared.size)

    def look(factor: float) -> _Look:
        part, is_whole = _seen(prepared, scaling, factor)
        found = detect(part)
        evidence, diameter, score = weigh(found, part, scaling, shown_from)
        return _Look(factor, evidence, diameter, score, part, found, is_whole)

    best = first = look(own)
    if first.score >= SURE and _is_usual(first, scaling):
        return _chosen(prepared, first, scaling)
    for other in [look(own * part) for part in _looks(own)]:
        least = PREFERRED * first.evidence if best is first else best.evidence
        if other.evidence > least:
            best = other
    for _ in range(REFINEMENTS):
        wanted = _refined(best, prepared.size, scaling)
        if wanted is None:
            break
        other = look(wanted)
        if other.evidence <= PREFERRED * best.evidence:
            break
        best = other
    return _chosen(prepared, best, scaling)


def weigh(
    found: AnyDetections, part: Prepared, scaling: Scaling, shown_from: float
) -> tuple[float, float | None, float]:
    """The evidence that `part` is at a good scale, the weighted median diameter of what was found
    in it, in pixels of the image, and its mean score; 0, None and 0 where nothing was.
    """
    arrays = found.arrays()
    scores = arrays.scores.astype(np.float64)
    shown = scores >= shown_from
    scores, boxes = scores[shown], arrays.boxes.astype(np.float64)[shown]
    diameters = _diameters(arrays, boxes, shown)
    usable = diameters > 0
    scores, boxes, diameters = scores[usable], boxes[usable], diameters[usable]
    if not len(scores):
        return 0.0, None, 0.0
    factor = _factor(part)
    likeness = np.array([scaling.sizes.likeness(factor * float(d)) for d in diameters])
    evidence = (
        _covered(boxes, part.size)
        * float(scores.mean()) ** 6
        * float((scores * likeness).sum() / scores.sum())
    )
    order = np.argsort(diameters)
    summed = (scores * diameters)[order].cumsum()
    middle = int(np.searchsorted(summed, summed[-1] / 2))
    return evidence, float(diameters[order][middle]), float(scores.mean())


def _looks(own: float) -> Iterator[float]:
    """Other scales to look at, over the model's `own`."""
    yield from LOOKS
    part = 2.0
    while own < 0.5 and own * part <= 1:
        yield part
        part *= 2


def _seen(prepared: Prepared, scaling: Scaling, factor: float) -> tuple[Prepared, bool]:
    """The image at a scale, or its middle where all of it would be larger than the model's input;
    and whether it is all.
    """
    height, width = prepared.size
    if factor <= scaling.default(prepared.size) * (1 + 1e-9):
        return _at(prepared.image, scaling, factor), True
    side = math.sqrt(scaling.own[0] * scaling.own[1]) / factor
    rows, columns = min(height, math.ceil(side)), min(width, math.ceil(side))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = prepared.image[top : top + rows, left : left + columns]
    limits = max(1, round(max(rows, columns) * factor)), max(1, round(min(rows, columns) * factor))
    part = Prepared(middle, resized(middle, limits), None, limits)
    return part, (rows, columns) == (height, width)


def _at(image: Pixels, scaling: Scaling, factor: float) -> Prepared:
    limits = scaling.limits((image.shape[0], image.shape[1]), factor)
    return Prepared(image, resized(image, limits), None, limits)


def _is_usual(look: _Look, scaling: Scaling) -> bool:
    """Return whether the diameter that was found is one of a training object."""
    if look.diameter is None:
        return False
    return scaling.sizes.likeness(look.diameter * look.factor) >= USUAL


def _refined(best: _Look, size: Size, scaling: Scaling) -> float | None:
    """The next scale to try; None where that of `best` will do."""
    if best.diameter is None or _is_usual(best, scaling):
        return None
    wanted = min(scaling.sizes.median / best.diameter, max(ENLARGED, scaling.default(size)))
    if best.is_whole:
        wanted, _ = scaling.bounded(size, wanted)
    return None if math.isclose(wanted, best.factor, rel_tol=0.05) else wanted


def _chosen(prepared: Prepared, best: _Look, scaling: Scaling) -> Chosen:
    factor, bound = scaling.bounded(prepared.size, best.factor)
    if best.diameter is None:
        basis = "nothing was found at any scale, so as the model was trained"
    else:
        basis = (
            f"objects about {best.diameter:.3g} pixels across, as a first look found them, are "
            f"{best.diameter * factor:.3g} in the network input ({scaling.sizes.median:.3g} is the "
            "median of the training objects)"
        )
    scale = ImageScale(factor=factor, diameter=best.diameter, basis=basis, bound=bound)
    at = best.prepared if best.is_whole and bound is None else None
    if at is None:
        at = _at(prepared.image, scaling, factor)
    chosen = replace(prepared, resized=at.resized, limits=at.limits, scale=scale)
    return Chosen(chosen, best.found if at is best.prepared else None)


def _diameters(
    found: DetectionArrays, boxes: NDArray[np.float64], shown: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Equivalent diameters in pixels of the image, of the masks where there are any."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    if found.mask_probabilities is not None:
        masks = found.mask_probabilities[shown] >= 0.5
        return np.asarray(np.sqrt(4 / math.pi * areas * masks.mean(axis=(1, 2))))
    return np.asarray(np.sqrt(areas))


def _factor(part: Prepared) -> float:
    height, width = part.size
    return math.sqrt(part.resized.shape[0] * part.resized.shape[1] / (height * width))


def _covered(boxes: NDArray[np.float64], size: Size) -> float:
    """Share of an image of `size` that is inside of `boxes` (N, 4), on a grid of cells."""
    grid = np.zeros((_CELLS, _CELLS), dtype=bool)
    per_pixel = np.array([_CELLS / size[1], _CELLS / size[0]] * 2)
    for left, top, right, bottom in (boxes * per_pixel).round(6).tolist():
        x, y = int(left), int(top)
        grid[y : max(y + 1, round(bottom)), x : max(x + 1, round(right))] = True
    return float(grid.mean())
