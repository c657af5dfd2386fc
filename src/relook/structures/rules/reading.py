"""Rule by which an image file becomes the 8-bit pixels of a network."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

from annotated_types import Ge, Le, MinLen

from .bounds import NonNegative

Percent = Annotated[float, Ge(0), Le(100)]
Bounds = tuple[float, float]
Intensities = Literal["auto", "percentiles", "bounds", "data"]

PERCENTILES: Final = (1.0, 99.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reading of an image: what is read, and how its values become 0 to 255. None is not said.

    Raises:
        ValueError: fields that make no sense together.
    """

    channels: Annotated[tuple[NonNegative, ...], MinLen(1)] | None = None
    """Channels by number, from 0. One is grey and is repeated; None takes grey, or red, green
    and blue, and refuses channels that are neither."""
    page: NonNegative | None = None
    """Page, time point or picture by number, from 0; None refuses files with several."""
    z: Literal["max", "mean"] | NonNegative | None = None
    """Brightest or mean value over the planes of a z-stack, or one plane; None is `max`."""
    intensities: Intensities | None = None
    """`auto`: 8 bits as they are, all else by `percentiles`. `percentiles`: of each image and
    channel. `bounds`: those below. `data`: bounds that a training measures on its images and
    stores. None is `auto`."""
    percentiles: tuple[Percent, Percent] | None = None
    """Percentiles that become 0 and 255; None is 1 and 99.8."""
    bounds: Annotated[tuple[Bounds, ...], MinLen(1)] | None = None
    """Values that become 0 and 255: one pair for all channels, or one for each that is chosen."""

    def __post_init__(self) -> None:
        if self.channels is not None and (
            not self.channels or any(type(c) is not int or c < 0 for c in self.channels)
        ):
            raise ValueError(f"channels are numbers from 0, such as (0, 1, 2); got {self.channels}")
        low, high = self.percentiles or PERCENTILES
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles rise from 0 to 100; got {self.percentiles}")
        if any(not low < high for low, high in self.bounds or ()):
            raise ValueError(f"bounds are (low, high) with low below high; got {self.bounds}")
        if self.intensities == "bounds" and not self.bounds:
            raise ValueError("intensities: bounds needs bounds, such as ((0, 4095),)")
        if self.bounds is not None and self.intensities not in ("bounds", None):
            raise ValueError(f"bounds belong to intensities: bounds, not {self.intensities}")

    @property
    def scale(self) -> Intensities:
        """Return the way values are mapped."""
        return self.intensities or ("auto" if self.bounds is None else "bounds")

    @property
    def depth(self) -> int:
        """Return the channels that come out: one is repeated into three."""
        chosen = len(self.channels or ())
        return chosen if chosen > 1 else 3

    def over(self, base: Reading) -> Reading:
        """This reading, with what it leaves open taken from `base`."""
        says = self.intensities is not None or self.bounds is not None
        mapping = ("intensities", "percentiles", "bounds")
        values = {
            field.name: own
            if (own := getattr(self, field.name)) is not None or (says and field.name in mapping)
            else getattr(base, field.name)
            for field in fields(self)
        }
        return Reading(**values)

    def explicit(self) -> Reading:
        """The same reading with its defaults written out, as model files have it."""
        percentiles = None if self.scale == "bounds" else self.percentiles or PERCENTILES
        return Reading(
            channels=self.channels,
            page=self.page,
            z=self.z,
            intensities=self.scale,
            percentiles=percentiles,
            bounds=self.bounds,
        )

    def record(self) -> dict[str, Any]:
        """The choices that were made, as json values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def words(self) -> list[str]:
        """Describe the channels, the planes and the mapping."""
        chosen = []
        if self.channels is not None:
            chosen.append(f"channels {', '.join(map(str, self.channels))}")
        if self.page is not None:
            chosen.append(f"page {self.page}")
        if self.z is not None:
            chosen.append(f"z {self.z}")
        return [*chosen, self.mapping_words()]

    def mapping_words(self) -> str:
        """Describe how values become 0 to 255."""
        low, high = self.percentiles or PERCENTILES
        ranks = f"percentiles {low:g} and {high:g} of each image and channel become 0 and 255"
        if self.scale == "bounds" and self.bounds is not None:
            pairs = ", ".join(f"{low:g} to {high:g}" for low, high in self.bounds)
            return f"values {pairs} become 0 to 255"
        if self.scale == "data":
            return f"percentiles {low:g} and {high:g} of all training images become 0 and 255"
        return ranks if self.scale == "percentiles" else f"8 bits as they are; else {ranks}"


DEFAULT_READING: Final = Reading()
"""Nothing is said: the default rules, or what a model was trained with."""
