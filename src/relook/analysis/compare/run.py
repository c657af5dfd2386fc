"""Two models over the same images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ...inference.options import PredictOptions
from ...inference.predictor import DEFAULTS, Predictor
from ...inference.preprocess import Unreadable
from ...inference.results import Result
from .matching import Match, Truth, match_objects, objects_of
from .truth import TruthFile


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Objects that two models found in one image, and their matches."""

    image: Path
    a: Result  # only objects that reach the score of the options
    b: Result
    truth: Truth | None
    with_masks: bool  # whether masks were compared; else boxes
    matches: tuple[Match, ...]  # every object once; those that differ most first

    @property
    def difference(self) -> float:
        """The sum of `disagreement` over all objects; 0 where the models find the same."""
        return sum(disagreement(match) for match in self.matches)


def disagreement(match: Match) -> float:
    """Difference of A and B about one object, from 0 to 1.

    For a true object, the difference of IoU with the truth, which is 0 where it was not found.
    Otherwise 1 minus the IoU of A and B, and 1 where only one of them found the object.
    """
    if match.verdict in ("a crowd", "b crowd"):
        return 0.0
    if match.truth is not None:
        return abs((match.a_truth or 0.0) - (match.b_truth or 0.0))
    return 1.0 - (match.between or 0.0)


def compare_images(
    a: Predictor,
    b: Predictor,
    images: Sequence[Path],
    *,
    truth: TruthFile | None = None,
    options: tuple[PredictOptions, PredictOptions] = (DEFAULTS, DEFAULTS),
) -> Generator[Compared | Unreadable, None, None]:
    """Objects of A and B in each of `images`, in order, or the error of an unreadable image.

    `options` are those of A and of B. Masks are compared where both models, and all objects of
    `truth` (if not None), have them; boxes otherwise.

    Raises:
        DataError: D11, D05 or D10 for an image that does not fit `truth`.
    """
    if truth is not None:
        for image in images:
            truth.image_id(image)  # a missing image is reported before the work
    with_masks = a.config.cascade.masks and b.config.cascade.masks
    with_masks = with_masks and (truth is None or truth.has_masks)
    with (
        closing(a.outcomes(images, options[0])) as outcomes_a,
        closing(b.outcomes(images, options[1])) as outcomes_b,
    ):
        for image, outcome_a, outcome_b in zip(images, outcomes_a, outcomes_b, strict=True):
            if isinstance(outcome_a, Unreadable):
                yield outcome_a
                continue
            if isinstance(outcome_b, Unreadable):
                yield outcome_b
                continue
            image_truth = None if truth is None else truth.of(image, outcome_a.size, with_masks)
            objects = objects_of(outcome_a, with_masks), objects_of(outcome_b, with_masks)
            matches = sorted(match_objects(*objects, image_truth), key=disagreement, reverse=True)
            yield Compared(image, outcome_a, outcome_b, image_truth, with_masks, tuple(matches))
