"""The image to correct next: the one that the model is least sure about.

Each image is predicted as it is and mirrored. An object that is found in only one of the two, or
whose outlines agree badly, is in doubt; a good model is of the same mind both times. Where the
model is a cascade of several stages, an object is in doubt too if one of them alone scores it below
the threshold: the score that is shown is that of all together. The scores of the stages come with
the prediction and cost no run of the network; a model in an ONNX file has none.

The app orders images by `APP_ORDER`: by the share of their objects that are in doubt
(`Doubt.share`), where one doubtful object is added to each, so that an image with one object does
not come before a crowd. An image in which nothing is found has a share of one half: it may be
empty, or all of it is missed. The other order is by the number of objects in doubt
(`Doubt.number`); benchmarks/correcting.py compares the two.

Of models that read chosen channels, pages or planes an image is not mirrored; there, objects with
a score near the threshold are in doubt in place of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...analysis.compare.matching import match_objects, objects_of
from ...errors import counted
from ...inference.results import Result

_MIRRORED: Final = "found in only one of the image and its mirror image, or with another outline"
_NEAR: Final = "a score near the threshold"
_STAGE: Final = "too low a score in one stage of the model"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Number of the objects of an image that are in doubt, of all, and by which reason."""

    doubtful: int
    objects: int
    by_look: int  # of the doubtful: by the mirror image, or by their score where there is none
    by_stage: int = 0  # of the doubtful: by one of the stages of the cascade
    is_mirrored: bool = True

    @property
    def share(self) -> float:
        """Share of the objects that are in doubt, one doubtful object added: from 0 to 1."""
        return (self.doubtful + 1) / (self.objects + 2)

    @property
    def number(self) -> float:
        """Number of the objects that are in doubt, and below 1 the share, to order equal ones.

        So an image in which nothing is found comes before those in which nothing is in doubt.
        """
        return self.doubtful + self.share

    def words(self) -> str:
        """The reason to correct the image, in words."""
        objects = counted(self.objects, "object")
        if not self.objects:
            return "nothing is found in it"
        if not self.doubtful:
            how = "mirrored as well" if self.is_mirrored else "with a clear score"
            return f"all of its {objects} are found {how}"
        look = (_be, _MIRRORED) if self.is_mirrored else (_have, _NEAR)
        rows = [(self.by_look, *look), (self.by_stage, _have, _STAGE)]
        reasons = [(number, f"{verb(number)} {words}") for number, verb, words in rows if number]
        doubtful = f"{self.doubtful} of {objects}"
        if len(reasons) == 1:
            return f"{doubtful} {reasons[0][1]}"
        details = ", and ".join(f"{number} {words}" for number, words in reasons)
        return f"{doubtful} {_be(self.doubtful)} in doubt: {details}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


Measure = Callable[[Doubt], float]
BY_SHARE: Final[Measure] = attrgetter("share")
BY_NUMBER: Final[Measure] = attrgetter("number")
APP_ORDER: Final = BY_SHARE  # the largest first


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The image to correct next, or None, and the reason in words."""

    id: int | None
    reason: str


def doubt_of(result: Result, mirrored: Result, threshold: float) -> Doubt:
    """The doubt about an image, from its results as it is and mirrored (turned back).

    Objects count from the score `threshold` on.
    """
    first, second = result.filter(threshold), mirrored.filter(threshold)
    with_masks = first.masks is not None and second.masks is not None
    matches = match_objects(objects_of(first, with_masks), objects_of(second, with_masks))
    is_weak = _weak_in_a_stage(first, threshold)
    by_look = [match.verdict != "alike" for match in matches]
    by_stage = [match.a is not None and bool(is_weak[match.a]) for match in matches]
    either = sum(map(any, zip(by_look, by_stage, strict=True)))
    return Doubt(either, len(matches), sum(by_look), sum(by_stage))


def doubt_by_score(result: Result, threshold: float) -> Doubt:
    """The doubt about an image from one result: scores from half of `threshold` on, and below
    the middle of it and 1, are near it."""
    scores = result.scores
    is_near = (scores >= threshold / 2) & (scores < (1 + threshold) / 2)
    is_found = scores >= threshold
    is_weak = is_found & _weak_in_a_stage(result, threshold)
    return Doubt(
        int((is_near | is_weak).sum()),
        int((is_near | is_found).sum()),
        int(is_near.sum()),
        int(is_weak.sum()),
        is_mirrored=False,
    )


def _weak_in_a_stage(result: Result, threshold: float) -> NDArray[np.bool_]:
    """Return whether a stage alone scores each object below `threshold`, (N,)."""
    if result.stage_scores is None:
        return np.zeros(len(result), np.bool_)
    lowest: NDArray[np.float32] = result.stage_scores.min(axis=1)
    return lowest < threshold


def suggested(doubts: Iterable[tuple[int, Doubt]], waiting: int) -> Suggestion:
    """The image that comes first by `APP_ORDER`, the first of equal ones.

    `waiting` is the number of images that were not looked at yet.
    """
    ordered: Sequence[tuple[int, Doubt]] = sorted(doubts, key=lambda pair: -APP_ORDER(pair[1]))
    if not ordered:
        if waiting:
            return Suggestion(None, f"{counted(waiting, 'image')} must be looked at first")
        return Suggestion(None, "no image is left that is not corrected")
    number, doubt = ordered[0]
    looked = len(ordered)
    more = f" (of {counted(looked, 'image')} looked at so far)" if waiting else ""
    return Suggestion(number, doubt.words() + more)
