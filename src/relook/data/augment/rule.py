"""Augmentation of training images: switches of a recipe, and the argument of the transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, Lt

from ...structures.rules.bounds import Fraction, Positive, PositiveFloat

Sides = tuple[Positive, Positive]
Sigma = Annotated[float, Ge(0), Le(100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augment:
    """Augmentation of training images. `scale_jitter` and `crop` come as a pair.

    Raises:
        ValueError: fields that do not fit together.
    """

    size: tuple[Sides, Sides] | None = None
    """Two (long, short) limits, smallest and largest, drawn from anew for each image; None
    takes the model's test size for all."""
    scale_jitter: tuple[PositiveFloat, PositiveFloat] | None = None
    """Large-scale jitter: the factor by which an image that just fits `crop` is enlarged."""
    crop: Sides | None = None  # (height, width) of the window cut out after the jitter
    flip: Fraction = 0.5  # chance to mirror left and right
    vertical_flip: Fraction = 0.0  # for images that have no up, as under a microscope
    quarter_turns: bool = False  # by 0, 90, 180 or 270 degrees
    colour: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Strength of random brightness, contrast, saturation and a tenth of it in hue."""
    grey: Fraction = 0.0  # chance to lose all colour
    blur: Sigma = 0.0  # pixels: the largest sigma of a Gaussian drawn for each image
    noise: Sigma = 0.0  # grey levels: the largest sigma of what is added to each value
    copy_paste: Fraction = 0.0
    """Chance to get objects of another training image on top, itself varied in the same way."""
    paste_share: tuple[Fraction, Fraction] = (0.0, 1.0)
    """Share of its objects that is pasted, between these two, and at least one object."""
    paste_blend: Sigma = 0.0
    """Pixels: sigma of a soft edge around what is pasted; the paper found that it gains nothing."""

    def __post_init__(self) -> None:
        if (self.crop is None) != (self.scale_jitter is None):
            raise ValueError("crop and scale_jitter need each other; set both or neither")
        if self.crop is not None and self.size is not None:
            raise ValueError("size and crop exclude each other: a crop fixes the input size")
        if self.scale_jitter is not None and self.scale_jitter[0] > self.scale_jitter[1]:
            raise ValueError(f"scale_jitter is (smallest, largest); got {self.scale_jitter}")
        if self.paste_share[0] > self.paste_share[1]:
            raise ValueError(f"paste_share is (smallest, largest); got {self.paste_share}")
        if self.size is not None:
            _check_limits(*self.size)

    def size_words(self) -> str:
        """Sizes at which a training sees its images."""
        if self.crop is not None and self.scale_jitter is not None:
            low, high = self.scale_jitter
            height, width = self.crop
            return f"windows of {height} x {width} of images enlarged {low:g} to {high:g} times"
        if self.size is not None:
            (_, smallest), (long, largest) = self.size
            return f"short side {smallest} to {largest}, long side at most {long}"
        return "the same"

    def turn_words(self) -> str:
        """The flips and turns that are on, and how to switch them off."""
        parts = {
            "mirrored left and right": self.flip,
            "mirrored up and down": self.vertical_flip,
            "turned by quarters": self.quarter_turns,
        }
        on = [text for text, is_on in parts.items() if is_on]
        if not on:
            return "images keep their orientation: no flips, no turns"
        listed = " and ".join([", ".join(on[:-1]), on[-1]] if len(on) > 1 else on)
        return (
            f"flips and turns are on, images are {listed}. For text, houses and other scenes with "
            "an up, a left and a right: --keep-upright (the same as train.augment.flip=0, "
            "vertical_flip=0, quarter_turns=false)"
        )

    def words(self) -> str:
        """Augmentations that are on besides the size of the images; chances in percent."""
        low, high = self.paste_share
        blend = f", edges soft by {self.paste_blend:g} pixels" if self.paste_blend else ""
        parts = {
            f"mirrored left and right {self.flip:.0%}": self.flip,
            f"up and down {self.vertical_flip:.0%}": self.vertical_flip,
            "quarter turns": self.quarter_turns,
            f"colour {self.colour:g}": self.colour,
            f"grey {self.grey:.0%}": self.grey,
            f"blur up to {self.blur:g} pixels": self.blur,
            f"noise up to {self.noise:g} grey levels": self.noise,
            f"copy-paste {self.copy_paste:.0%} ({low:.0%} to {high:.0%} of another image's objects"
            f"{blend})": self.copy_paste,
        }
        return ", ".join(text for text, is_on in parts.items() if is_on) or "none"


def _check_limits(smallest: Sides, largest: Sides) -> None:
    for long, short in (smallest, largest):
        if long < short:
            raise ValueError(f"size limits are (long, short); got {(long, short)}")
    if smallest[0] > largest[0] or smallest[1] > largest[1]:
        raise ValueError(f"size is (smallest, largest); got {(smallest, largest)}")
