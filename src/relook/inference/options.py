"""What a prediction is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError
from .views import TTA


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """Options that make sense.

    Raises:
        UsageError: U03 for one that does not, U04 for two that do not go together.
    """

    size: tuple[int, int]  # (long, short) limits in pixels
    score: float | None  # None: the model's own test threshold
    max_dets: int | None  # None: the model's own cap
    batch_size: int
    tta: TTA | None
    label_pixels: bool = False  # each pixel's label too

    @classmethod
    def of(
        cls,
        size: Sequence[int],
        score: float | None,
        max_dets: int | None,
        batch_size: int,
        tta: TTA | str | None,
        *,
        label_pixels: bool = False,
    ) -> PredictionOptions:
        """The same from what people write: any sequence, and text for `TTA.parse`."""
        if len(size) != 2:
            raise UsageError("U03", f"size: expected (long, short) in pixels, got {tuple(size)}")
        views = TTA.parse(tta) if isinstance(tta, str) else tta
        own = int(size[0]), int(size[1])
        return cls(own, score, max_dets, batch_size, views, label_pixels)

    def __post_init__(self) -> None:
        size = self.size
        if not 0 < size[1] <= size[0]:
            raise UsageError("U03", f"size: expected (long, short) in pixels, got {size}")
        if self.score is not None and not 0 <= self.score <= 1:
            raise UsageError("U03", f"score: expected a number from 0 to 1, got {self.score}")
        if self.max_dets is not None and self.max_dets < 1:
            raise UsageError("U03", f"max_dets: expected at least 1, got {self.max_dets}")
        if self.label_pixels and self.tta is not None:
            raise UsageError(
                "U04",
                "tta merges objects of several views, not labels of pixels. Leave it out, or "
                "give label maps of another model.",
            )
        if self.batch_size < 1:
            raise UsageError("U03", f"batch_size: expected at least 1, got {self.batch_size}")
