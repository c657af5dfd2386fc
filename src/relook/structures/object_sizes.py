"""Sizes of the objects that a model was trained on, as its network saw them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

KEY: Final = "object_sizes"
"""Name of the sizes among the `extra` values of a model file."""
SHARES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of the objects that are smaller than each of `ObjectSizes.quantiles`."""

_LARGEST: Final = 100_000.0  # pixels; no network input is so wide
_MOST: Final = 2**53  # objects
_NARROWEST: Final = math.log(1.5)
_TENTH: Final = (
    1.2816  # standard deviations from its middle: the last tenth of a normal distribution
)


@dataclass(frozen=True, slots=True)
class ObjectSizes:
    """Equivalent diameters of training objects, in pixels of the network input.

    The equivalent diameter of an object is that of the disc with its area; of an object that has
    a box only, it is the square root of the area of the box.

    Raises:
        ValueError: numbers that cannot be those of objects.
    """

    quantiles: tuple[float, ...]
    """Diameters at the size that images are scaled to in prediction, in the order of `SHARES`."""
    trained: tuple[float, float]
    """(smallest, largest): what `SHARES[0]` of the objects are below at the smallest scale of the
    augmentation, and what as many are above at its largest scale."""
    count: int  # objects that were measured
    basis: Literal["masks", "boxes"]

    def __post_init__(self) -> None:
        for name, values, number in (
            ("quantiles", self.quantiles, len(SHARES)),
            ("trained", self.trained, 2),
        ):
            if len(values) != number or not all(_is_finite(value) for value in values):
                raise ValueError(f"object sizes: {name} are {number} numbers")
            if list(values) != sorted(values) or not 0 < values[0] <= values[-1] <= _LARGEST:
                raise ValueError(
                    f"object sizes: {name} rise from above 0 to at most {_LARGEST:,.0f} pixels"
                )
        if type(self.count) is not int or not 0 < self.count <= _MOST:
            raise ValueError("object sizes: count is a number of objects above 0")
        if self.basis not in ("masks", "boxes"):
            raise ValueError("object sizes: basis is masks or boxes")

    @property
    def median(self) -> float:
        """Diameter that half of the objects are below, in pixels of the network input."""
        return self.quantiles[2]

    @property
    def common(self) -> tuple[float, float]:
        """The diameters between which eight in ten objects are."""
        return self.quantiles[0], self.quantiles[-1]

    def likeness(self, diameter: float) -> float:
        """Likeness of a `diameter` in pixels of the network input: 1 for the median, falling to 0.

        It falls as a normal distribution of logarithms does that is as wide as the quantiles, or
        as a factor of 1.5 where they are narrower.
        """
        low, high = self.common
        width = max((math.log(high) - math.log(low)) / (2 * _TENTH), _NARROWEST)
        return math.exp(-0.5 * (math.log(max(diameter, 1e-6) / self.median) / width) ** 2)

    def line(self) -> str:
        """The sizes in words."""
        low, high = self.common
        smallest, largest = self.trained
        return (
            f"eight in ten of {self.count} training objects are {low:.3g} to {high:.3g} pixels "
            f"across in the network input, half of them under {self.median:.3g} (by {self.basis}); "
            f"with the scales of the augmentation {smallest:.3g} to {largest:.3g}"
        )

    def to_extra(self) -> dict[str, Any]:
        """The sizes as `extra` values of a model file, which `sizes_of` reads."""
        return {
            KEY: {
                "quantiles": list(self.quantiles),
                "trained": list(self.trained),
                "count": self.count,
                "basis": self.basis,
            }
        }


def _is_finite(value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def sizes_of(extra: Mapping[str, Any]) -> ObjectSizes | None:
    """The sizes among the `extra` values of a model file; None where it has none.

    Raises:
        ValueError: values that `ObjectSizes.to_extra` did not write.
    """
    stored = extra.get(KEY)
    if stored is None:
        return None
    names = ("quantiles", "trained", "count", "basis")
    if not isinstance(stored, dict) or sorted(stored) != sorted(names):
        raise ValueError(f"object sizes have {', '.join(names)}")
    quantiles, trained, count, basis = (stored[name] for name in names)
    if not isinstance(quantiles, list) or not isinstance(trained, list):
        raise ValueError("object sizes: quantiles and trained are lists")
    return ObjectSizes(tuple(quantiles), tuple(trained), count, basis)
