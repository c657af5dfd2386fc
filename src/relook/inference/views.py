"""Views of one image for test-time augmentation: several sizes of it, and a mirror."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from ..data.images import Pixels
from ..errors import UsageError, did_you_mean
from ..structures.detection import ImageBatch
from ..structures.rules.cascade import Suppression
from .preprocess import resized

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.batching import Channels

Merge = Literal["union", "average"]
LONGEST = 1.5  # the longer side of a view is at most so many times the shorter side's limit


@dataclass(frozen=True, slots=True)
class TTA:
    """Test-time augmentation: the views of an image, and how they are merged."""

    scales: tuple[int, ...] = ()  # limits of the shorter side in pixels; none: the model's size
    flip: bool = False  # each view also from left to right
    merge: Merge = "union"
    suppression: Suppression | None = None  # of the union; None is the model's own

    def __post_init__(self) -> None:
        for value, kind in ((self.merge, Merge), (self.suppression, Suppression)):
            if value is not None and value not in get_args(kind):
                known = did_you_mean(str(value), get_args(kind))
                raise UsageError("U03", f"test-time augmentation: {value!r}; {known}")
        if any(not 1 <= scale <= 10_000 for scale in self.scales):
            raise UsageError(
                "U03",
                f"test-time augmentation: scales {self.scales}; each is the shorter side of the "
                "image in pixels, from 1 to 10000",
            )

    @classmethod
    def parse(cls, text: str) -> TTA:
        """From ``flip,scales=800:1000:1200,merge=average,suppression=soft_nms``, any part of it.

        Raises:
            UsageError: U03 for something that is none of these.
        """
        values: dict[str, Any] = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            name, equals, value = part.partition("=")
            if name in values:
                raise UsageError("U03", f"--tta: {name} is there twice")
            if name == "flip" and not equals:
                values[name] = True
            elif name == "scales" and all(s.isdecimal() for s in value.split(":")):
                values[name] = tuple(int(s) for s in value.split(":"))
            elif name in ("merge", "suppression") and value:
                values[name] = value
            else:
                raise UsageError(
                    "U03",
                    f"--tta: {part!r}; expected flip, scales=800:1000, merge=union or average, or "
                    "suppression=nms or soft_nms, with commas between",
                )
        return cls(**values)

    def limits(self, own: tuple[int, int]) -> list[tuple[int, int]]:
        """(long, short) limits of each size of a view; `own` is the model's."""
        return [(round(LONGEST * scale), scale) for scale in self.scales] or [own]


class View(NamedTuple):
    """One image as the network sees it, alone in its batch."""

    images: ImageBatch
    flipped: bool  # from left to right, within its size without padding

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y): pixels here for one of the original image."""
        return self.images.scales[0]

    def to_original(self, boxes: Tensor, pixel: float) -> Tensor:
        """Boxes (N, 4) of this view in pixels of the original image."""
        from ..ops import boxes as box_ops

        return box_ops.unscale(self._mirrored(boxes), self.scale, pixel)

    def from_original(self, boxes: Tensor, pixel: float) -> Tensor:
        """Inverse of `to_original`."""
        from ..ops import boxes as box_ops

        return self._mirrored(box_ops.scale(boxes, self.scale, pixel))

    def _mirrored(self, boxes: Tensor) -> Tensor:
        return mirrored(boxes, self.images.sizes[0][1]) if self.flipped else boxes


def mirrored(boxes: Tensor, width: int) -> Tensor:
    """Boxes (N, 4) in an image of `width`, from left to right."""
    import torch

    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack([width - x2, y1, width - x1, y2], dim=-1)


def views_of(
    image: Pixels, tta: TTA, own: tuple[int, int], mean: Channels, std: Channels
) -> list[View]:
    """The views of an image (H, W, 3) uint8 that `tta` asks for, those in the mirror last.

    `own` are the model's (long, short) limits, `mean` and `std` those of its pixels.

    Raises:
        ModelError: M05 for a view that is too large for the network.
    """
    from ..data.batching import batch_images

    size = (image.shape[0], image.shape[1])
    pixels = [resized(image, limits) for limits in tta.limits(own)]
    seen = [(each, False) for each in pixels]
    if tta.flip:
        seen += [(np.ascontiguousarray(each[:, ::-1]), True) for each in pixels]
    return [View(batch_images([each], [size], mean, std), flipped) for each, flipped in seen]
