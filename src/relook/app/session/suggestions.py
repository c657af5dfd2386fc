"""The image to correct next: the one that the model is least sure about.

Each image is predicted as it is and mirrored. An object that is found in only one of the two, or
whose outlines agree badly, is in doubt; a good model is of the same mind both times. Images are
ordered by the share of their objects that are in doubt, where one doubtful object is added to each,
so that an image with one object does not come before a crowd. An image in which nothing is found
has a share of one half: it may be empty, or all of it is missed.

Of models that read chosen channels, pages or planes an image is not mirrored; there, objects with
a score near the threshold are in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...analysis.compare.matching import match_objects, objects_of
from ...errors import counted
from ...inference.results import Result


@dataclass(frozen=True, slots=True)
class Doubt:
    """How many objects of an image are in doubt, of how many."""

    doubtful: int
    objects: int
    is_mirrored: bool = True

    @property
    def share(self) -> float:
        """The number by which images are ordered, from 0 to 1."""
        return (self.doubtful + 1) / (self.objects + 2)

    def words(self) -> str:
        """The reason to correct the image, in words."""
        if not self.objects:
            return "nothing is found in it"
        if not self.is_mirrored:
            return (
                f"{self.doubtful} of {counted(self.objects, 'object')} "
                f"{'has' if self.doubtful == 1 else 'have'} a score near the threshold"
            )
        if not self.doubtful:
            return f"all of its {counted(self.objects, 'object')} are found mirrored as well"
        return (
            f"{self.doubtful} of {counted(self.objects, 'object')} "
            f"{'is' if self.doubtful == 1 else 'are'} found in only one of the image and its "
            "mirror image, or with another outline"
        )


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
    doubtful = sum(match.verdict != "alike" for match in matches)
    return Doubt(doubtful, len(matches))


def doubt_by_score(result: Result, threshold: float) -> Doubt:
    """The doubt about an image from one result: scores from half of `threshold` on, and below
    the middle of it and 1, are near it."""
    scores = result.scores
    near = (scores >= threshold / 2) & (scores < (1 + threshold) / 2)
    return Doubt(int(near.sum()), int((near | (scores >= threshold)).sum()), is_mirrored=False)


def suggested(doubts: Iterable[tuple[int, Doubt]], waiting: int) -> Suggestion:
    """The image with the largest share of doubt, the first of equal ones.

    `waiting` is the number of images that were not looked at yet.
    """
    ordered: Sequence[tuple[int, Doubt]] = sorted(doubts, key=lambda pair: -pair[1].share)
    if not ordered:
        if waiting:
            return Suggestion(None, f"{counted(waiting, 'image')} must be looked at first")
        return Suggestion(None, "no image is left that is not corrected")
    number, doubt = ordered[0]
    looked = len(ordered)
    more = f" (of {counted(looked, 'image')} looked at so far)" if waiting else ""
    return Suggestion(number, doubt.words() + more)
