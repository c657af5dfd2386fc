"""Rule of tiles: if an image is cut, into which tiles, and at which scale they are predicted.

`TILE_SCALE` pixels of the network's input stand for one pixel along a tile, so that a tile is the
shorter side of that input over `TILE_SCALE` wide. An image is tiled by itself where the network
would see less than half of that scale of it (`LEAST_SHARE`), if the model says how large its
objects are and they fit. Neighbouring tiles share a quarter of their side, or the largest object
that the model knows where that is more, but never above half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self, cast

from ...data.resizing import Limits
from ...errors import UsageError
from ...structures.detection import Size
from ...structures.object_sizes import ObjectSizes
from ..scaling import ENLARGED, MOST_INPUT, SMALLEST
from .grid import BORDER, Grid

if TYPE_CHECKING:
    from ..options import PredictOptions

Choice = int | Literal["auto", "off"]

TILE_SCALE: Final = 1.5
LEAST_SHARE: Final = 0.5
LARGEST: Final = 2.0  # times the side that a tenth of the training objects exceeds
UNKNOWN_LEAST: Final = 0.25
"""Scale below which a model that does not know the sizes of its objects says what it shrinks."""
SMALLEST_TILE: Final = 64  # pixels


@dataclass(frozen=True, slots=True)
class KnownSizes:
    """Sides of the objects a model was trained on, in pixels of the network's input."""

    small: float  # a tenth of the objects is smaller
    largest: float

    @classmethod
    def of(cls, sizes: ObjectSizes | None) -> Self | None:
        """The outer quantiles of the diameters of training objects; None where they are unknown."""
        if sizes is None:
            return None
        return cls(sizes.quantiles[0], LARGEST * sizes.quantiles[-1])


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiling of images for one model and one choice.

    `wanted` is the scale at which tiles are to be predicted, where something is known that is
    better than `TILE_SCALE`.
    """

    choice: Choice
    limits: Limits  # (long, short) sides of the network's input
    sizes: KnownSizes | None = None
    wanted: float = TILE_SCALE
    is_fixed: bool = False  # tiles are predicted at `wanted`, whatever their side
    whole_only: bool = False  # tiles are no remedy for what is asked for

    @classmethod
    def of(cls, options: PredictOptions, limits: Limits, sizes: ObjectSizes | None) -> Self:
        """The tiling that `options` ask for; `limits` and `sizes` are those of the model.

        Nothing is tiled where panoptic maps are asked for, which are made of whole images. A
        diameter in pixels is the scale of the tiles.
        """
        whole_only = options.panoptic is not None
        choice = "off" if whole_only else options.tile or "auto"
        wanted, is_fixed = TILE_SCALE, False
        if isinstance(options.diameter, int | float) and sizes is not None:
            wanted, is_fixed = sizes.median / options.diameter, True
        known = KnownSizes.of(sizes)
        return cls(choice, options.size or limits, known, wanted, is_fixed, whole_only)

    @property
    def side(self) -> int:
        """Side of a tile in pixels of the image."""
        return self.choice if isinstance(self.choice, int) else self.usual_side

    @property
    def usual_side(self) -> int:
        """Side of a tile that is predicted at the scale that is wanted."""
        return max(SMALLEST_TILE, round(self.limits[1] / self.wanted))

    @property
    def scale(self) -> float:
        """Pixels of the network's input for one pixel of a tile."""
        return self.fixed_scale[0] if self.is_fixed else self.limits[1] / self.side

    @property
    def fixed_scale(self) -> tuple[float, str | None]:
        """The allowed scale nearest to the wanted one, and why it is another.

        The input of a tile has the bounds that `scaling` has for images.
        """
        most = math.sqrt(MOST_INPUT * self.limits[0] * self.limits[1]) / self.side
        highest, lowest = min(most, ENLARGED), SMALLEST / self.side
        if self.wanted > highest:
            why = f"at most {ENLARGED:g} times enlarged"
            if most < ENLARGED:
                why = (
                    f"the input of a tile has at most {MOST_INPUT:g} times the pixels of the "
                    f"model's own {self.limits[0]} x {self.limits[1]}: make tiles smaller"
                )
            return highest, f"limited, {self.wanted:.3g} is wanted ({why})"
        if self.wanted < lowest:
            why = f"the input of a tile is at least {SMALLEST} pixels long"
            return lowest, f"limited, {self.wanted:.3g} is wanted ({why})"
        return self.wanted, None

    @property
    def overlap(self) -> int:
        """Pixels that neighbouring tiles share at least."""
        largest = 0.0 if self.sizes is None else self.sizes.largest / self.scale
        return min(max(self.side // 4, math.ceil(largest) + 2 * BORDER), self.side // 2)

    @property
    def holds_objects(self) -> bool:
        """Return whether the largest objects the model knows are seen whole by some tile."""
        return (
            self.sizes is not None
            and self.sizes.largest / self.scale <= self.side // 2 - 2 * BORDER
        )

    def grid(self, size: Size) -> Grid | None:
        """The tiles of an image of `size`; None where it is predicted as a whole."""
        if self.choice == "off":
            return None
        if self.choice == "auto" and not (self.holds_objects and self.shrinks(size)):
            return None
        if max(size) <= self.side:
            return None
        return Grid(size, self.side, self.overlap)

    def tile_limits(self, size: Size) -> Limits:
        """(long, short) sides that a tile of `size` is scaled to."""
        sides = sorted((max(1, round(side * self.scale)) for side in size), reverse=True)
        return sides[0], sides[1]

    def whole_scale(self, size: Size) -> float:
        """Pixels of the network's input for one of an image of `size`, seen as a whole."""
        return min(self.limits[0] / max(size), self.limits[1] / min(size))

    def shrinks(self, size: Size) -> bool:
        """Return whether objects of an image of `size`, seen as a whole, become smaller than the
        model knows them.
        """
        return self.whole_scale(size) < self._least

    @property
    def _least(self) -> float:
        return UNKNOWN_LEAST if self.sizes is None else self.wanted * LEAST_SHARE

    def warning(self, name: str, size: Size) -> str | None:
        """Warning about an image of `size` that is shrunk too far, as a whole
        or in tiles that are too large.
        """
        seen, height, width = self.whole_scale(size), *size
        subject = f"{width}x{height} pixels are"
        if self.grid(size) is not None:
            seen, subject = self.scale, f"tiles of {self.side} pixels are"
        if seen >= self._least:
            return None
        known = "the model file does not say how large the objects are that it was trained on"
        if self.sizes is not None:
            known = (
                f"nine of ten objects it was trained on are {self.sizes.small:.0f} pixels or more"
            )
            if not self.holds_objects:
                known += f", the largest {self.sizes.largest:.0f}, which tiles would cut"
        side = self.usual_side
        remedy = f"--tile {side} (tile={side}) looks at it in tiles of so many pixels, "
        if self.choice == "off" and self.holds_objects:
            remedy = '--tile auto (tile="auto") looks at it in tiles, '
        if self.whole_only:
            remedy = "Panoptic maps are made of whole images; "
        return (
            f"{name}: {subject} seen at {seen:.2f} of their size, and small objects may be lost "
            f"({known}). {remedy}--size changes the input."
        )


def parse_choice(text: str) -> Choice:
    """The choice that people write: auto, off, or pixels.

    Raises:
        UsageError: U03 for anything else.
    """
    if text in ("auto", "off"):
        return cast("Literal['auto', 'off']", text)
    try:
        return int(text)
    except ValueError:
        raise UsageError(
            "U03", f"tile: expected auto, off or a number of pixels, got {text!r}"
        ) from None


def check_choice(choice: Choice) -> None:
    """Raise `UsageError` U03 for a value that is no choice, or for tiles that are too small."""
    if choice in ("auto", "off"):
        return
    if not isinstance(choice, int) or isinstance(choice, bool) or choice < SMALLEST_TILE:
        raise UsageError(
            "U03",
            f"tile: expected auto, off or at least {SMALLEST_TILE} pixels, got {choice!r}",
        )
