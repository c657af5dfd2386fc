"""The scale at which a network sees an image, chosen by the diameter of the objects in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..data.resizing import Limits, resized_size
from ..errors import ModelError, UsageError
from ..structures.detection import Size
from ..structures.object_sizes import ObjectSizes

Diameter = float | Literal["auto"]

ENLARGED: Final = 10.0  # most pixels of the network input for one of the image, along a side
MOST_INPUT: Final = 4.0  # most pixels of a network input, over those of the model's own input
SMALLEST: Final = 32  # pixels of the longer side of a network input
_LARGEST: Final = 100_000.0  # pixels of a diameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageScale:
    """Scale at which the network saw an image, and the reason for it."""

    factor: float  # pixels of the network input for one of the image, along a side
    diameter: float | None  # of objects in pixels of the image; None: nothing was found
    basis: str  # what the diameter and the factor come from, in words
    bound: str | None = None  # why the factor is not the one wanted, in words

    def line(self) -> str:
        """The scale in one sentence."""
        bound = "" if self.bound is None else f"; {self.bound}"
        return f"scaled by {self.factor:.3g}: {self.basis}{bound}"

    def to_json(self) -> dict[str, Any]:
        """The scale as json values."""
        return {
            "factor": round(self.factor, 5),
            "diameter": None if self.diameter is None else round(self.diameter, 2),
            "basis": self.basis,
            "bound": self.bound,
        }


class Scales:
    """Scales that were used for some images, as lines for people."""

    def __init__(self) -> None:
        self._scales: list[ImageScale] = []

    def add(self, outcome: object) -> None:
        """Note the scale of a result; whatever has none is left out."""
        scale = getattr(outcome, "scale", None)
        if isinstance(scale, ImageScale):
            self._scales.append(scale)

    def lines(self) -> list[str]:
        """The scale of one image, or the range of several; nothing where there is none."""
        if len(self._scales) < 2:
            return [scale.line() for scale in self._scales]
        factors = sorted(scale.factor for scale in self._scales)
        line = (
            f"{len(factors)} images scaled by {factors[0]:.3g} to {factors[-1]:.3g}, "
            f"half of them by at most {factors[(len(factors) - 1) // 2]:.3g}"
        )
        diameters = sorted(s.diameter for s in self._scales if s.diameter is not None)
        if diameters:
            line += f", for objects {diameters[0]:.3g} to {diameters[-1]:.3g} pixels across"
        unknown = len(factors) - len(diameters)
        limited = [scale for scale in self._scales if scale.bound is not None]
        if unknown:
            line += f"; in {unknown} nothing was found at any scale"
        if limited:
            line += f"; {len(limited)} not as wanted: {limited[0].bound}"
        return [line]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Chooses scales for a model with the training objects of `sizes`, which sees images scaled
    to fit `own` (long, short) unless asked otherwise.
    """

    sizes: ObjectSizes
    own: Limits

    @classmethod
    def of(cls, sizes: ObjectSizes | None, own: Limits) -> Scaling:
        """The scaling of a model.

        Raises:
            ModelError: M04 for a model that does not know the sizes of its training objects.
        """
        if sizes is None:
            raise ModelError(
                "M04",
                "diameter: the model file does not say how large the objects were that the model "
                "was trained on, so there is no size that objects could be scaled to. Store it "
                "from the training data (`relook weights sizes MODEL --json TRAIN.json --images "
                "DIR`), or give the size of the input (--size LONG SHORT).",
            )
        return cls(sizes, own)

    def default(self, size: Size) -> float:
        """Factor of an image of `size` (height, width) without any diameter."""
        height, width = resized_size(*size, self.own)
        return math.sqrt(height * width / (size[0] * size[1]))

    def bounded(self, size: Size, factor: float) -> tuple[float, str | None]:
        """The allowed factor nearest to `factor` for an image of `size`, and why it is another.

        The factor that the model has without a diameter is always allowed.
        """
        default, (height, width) = self.default(size), size
        most = math.sqrt(MOST_INPUT * self.own[0] * self.own[1] / (height * width))
        highest, why = max(default, min(most, ENLARGED)), f"at most {ENLARGED:g} times enlarged"
        if most < ENLARGED:
            why = (
                f"the network input has at most {MOST_INPUT:g} times the pixels of the model's own "
                f"{self.own[0]} x {self.own[1]}: cut the image into tiles"
            )
        lowest = min(default, SMALLEST / max(height, width))
        if factor > highest:
            return highest, f"limited, {factor:.3g} is wanted ({why})"
        if factor < lowest:
            return lowest, (
                f"limited, {factor:.3g} is wanted (the network input is at least {SMALLEST} "
                "pixels long)"
            )
        return factor, None

    def limits(self, size: Size, factor: float) -> Limits:
        """(long, short) sides in pixels that an image of `size` fits when scaled by `factor`."""
        if factor == self.default(size):
            return self.own
        return max(1, round(max(size) * factor)), max(1, round(min(size) * factor))

    def for_diameter(self, size: Size, diameter: float) -> ImageScale:
        """The scale at which objects of `diameter` pixels are as large as the model's median."""
        factor, bound = self.bounded(size, self.sizes.median / diameter)
        basis = (
            f"objects {diameter:.3g} pixels across, as given, are {diameter * factor:.3g} in the "
            f"network input ({self.sizes.median:.3g} is the median of the training objects)"
        )
        return ImageScale(factor=factor, diameter=diameter, basis=basis, bound=bound)


def scaled_for(
    diameter: Diameter | None, sizes: ObjectSizes | None, own: Limits
) -> Callable[[Size], tuple[Limits, ImageScale]] | None:
    """The function from the size of an image to its limits and its scale, where a diameter is
    given; None where there is none, or a first look has to find it.

    Raises:
        ModelError: M04 for a diameter, and a model without `sizes`.
    """
    if diameter is None:
        return None
    scaling = Scaling.of(sizes, own)
    if diameter == "auto":
        return None

    def scaled(size: Size) -> tuple[Limits, ImageScale]:
        scale = scaling.for_diameter(size, diameter)
        return scaling.limits(size, scale.factor), scale

    return scaled


def parse_diameter(text: str) -> Diameter:
    """A diameter as people write it: ``auto``, or a number of pixels.

    Raises:
        UsageError: U03 for something else.
    """
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            "U03", f"diameter: expected auto or a number of pixels, got {text!r}"
        ) from None


def check_diameter(diameter: Diameter) -> None:
    """Raise `UsageError` U03 unless `diameter` is ``auto`` or a length in pixels."""
    if diameter == "auto":
        return
    if type(diameter) not in (int, float) or not 0 < diameter <= _LARGEST:
        raise UsageError(
            "U03",
            "diameter: expected auto, or the pixels across an object in the image, above 0 and at "
            f"most {_LARGEST:,.0f}; got {diameter!r}",
        )
