"""How the minutes of the demonstration are divided, on a machine of a given speed.

Everything is counted in the time that the shipped model needs for one image of nuclei, so that one
measurement tells what each part will take. Training has half of the minutes at least. What does
not fit into the rest shrinks: training from scratch is left out first, then there are fewer nuclei,
then fewer mushrooms. Where even one image of each is too much, training is shorter than half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

SHARE = 0.5  # of the minutes, at least, for training,
LATEST = 1.2  # unless all would end after so many times the minutes
LEAST = 0.1  # of the minutes; what training has in any case
ENOUGH_STEPS = 12
"""Steps of two images from which fine-tuning is worth looking at: each image was seen once.
Measured with the models and images of the repository, from a start of mask AP 0.325: 2 to 6 steps
0.48 to 0.57, 11 to 13 steps 0.55 to 0.60, 24 steps 0.61, 60 steps 0.65."""
ROOM = 1.2  # over the minutes that would just be enough
STEPS_FOR_BOTH = 60  # of each training; below, fine-tuning has the time of both

# In times of one image of nuclei, measured on one core and rounded up.
START = 10.0  # imports, reading, and the measurement itself
NUCLEI_PICTURE = 1.7  # found once more, and drawn
MUSHROOM = 2.0  # hundreds of objects, each with its mask
MUSHROOM_PICTURE = 3.0
TRAINING = 3.0  # what one takes besides its minutes
STEP = 1.7

MOST_NUCLEI_PICTURES, MOST_MUSHROOM_PICTURES = 8, 4
FEWEST_NUCLEI = 8  # before the mushrooms are fewer too


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done in `minutes`, at a speed in seconds an image of nuclei."""

    minutes: float  # of everything
    image_seconds: float
    nuclei: int  # validation images to evaluate
    mushrooms: int  # the same, for every model
    from_scratch: bool  # whether a network is trained from random numbers too
    training: float = 0.0  # minutes of fine-tuning, and of training from scratch

    @property
    def nuclei_pictures(self) -> int:
        """Images of nuclei to draw."""
        return _pictures(self.nuclei, MOST_NUCLEI_PICTURES)

    @property
    def mushroom_pictures(self) -> int:
        """Images of mushrooms to draw."""
        return _pictures(self.mushrooms, MOST_MUSHROOM_PICTURES)

    @property
    def trainings(self) -> int:
        """One, or two with the one from scratch."""
        return 1 + self.from_scratch

    @property
    def before(self) -> float:
        """Minutes until the first training."""
        images = START + _nuclei(self.nuclei) + MUSHROOM * self.mushrooms
        return self._in_minutes(images)

    @property
    def after(self) -> float:
        """Minutes around and after the trainings, without these themselves."""
        one = TRAINING + MUSHROOM * self.mushrooms
        pictures = MUSHROOM_PICTURE * self.mushroom_pictures
        return self._in_minutes(self.trainings * one + pictures)

    @property
    def total(self) -> float:
        """Minutes that all of it takes; above `minutes` where these are too few for anything."""
        return self.before + self.after + self.trainings * self.training

    @property
    def steps(self) -> int:
        """Steps that each training gets, about."""
        return math.floor(60 * self.training / self.step_seconds)

    @property
    def step_seconds(self) -> float:
        """Seconds of a step of training, about."""
        return STEP * self.image_seconds

    def at(self, image_seconds: float) -> Plan:
        """The same images on a machine of this speed: the trainings get what is left."""
        plan = replace(self, image_seconds=image_seconds)
        others = plan.before + plan.after
        share = min(self.minutes * SHARE, self.minutes * LATEST - others)
        left = max(self.minutes - others, share, self.minutes * LEAST)
        plan = replace(plan, training=left / plan.trainings)
        if plan.from_scratch and plan.steps < STEPS_FOR_BOTH:
            return replace(plan, from_scratch=False).at(image_seconds)
        return plan

    def corrected(self, spent: float) -> Plan:
        """The rest of it, where what comes before the first training took `spent` minutes."""
        return self.at(self.image_seconds * spent / self.before)

    def _in_minutes(self, images: float) -> float:
        return images * self.image_seconds / 60


def plan(minutes: float, image_seconds: float, *, nuclei: int = 93, mushrooms: int = 10) -> Plan:
    """The division of `minutes` on a machine that needs `image_seconds` for an image of nuclei.

    `nuclei` and `mushrooms` are how many validation images there are.
    """
    both = _fitted(Plan(minutes, image_seconds, nuclei, mushrooms, from_scratch=True))
    if both.from_scratch:
        return both
    return _fitted(Plan(minutes, image_seconds, nuclei, mushrooms, from_scratch=False))


def enough(step_seconds: float) -> int:
    """Whole minutes of a demo in which fine-tuning gets `ENOUGH_STEPS`, with some room."""
    return math.ceil(ROOM * ENOUGH_STEPS * step_seconds / (60 * SHARE))


def _fitted(whole: Plan) -> Plan:
    """`whole` with as many images as fit beside the share of training."""
    time = 60 * whole.minutes * (1 - SHARE) / whole.image_seconds

    def others(nuclei: int, mushrooms: int) -> float:
        draft = replace(whole, nuclei=nuclei, mushrooms=mushrooms, image_seconds=60)
        return draft.before + draft.after

    few = min(FEWEST_NUCLEI, whole.nuclei)
    mushrooms = _most(whole.mushrooms, lambda count: others(few, count) <= time)
    nuclei = _most(whole.nuclei, lambda count: others(count, mushrooms) <= time)
    return replace(whole, nuclei=nuclei, mushrooms=mushrooms).at(whole.image_seconds)


def _most(total: int, fits: Callable[[int], bool]) -> int:
    """The most of `total` that `fits`, at least 1."""
    return next((count for count in range(total, 1, -1) if fits(count)), 1)


def _nuclei(count: int) -> float:
    return count + NUCLEI_PICTURE * _pictures(count, MOST_NUCLEI_PICTURES)


def _pictures(images: int, most: int) -> int:
    """A third of the images; to draw all of them would take longer than to evaluate them."""
    return min(most, math.ceil(images / 3))
