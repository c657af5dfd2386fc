"""From images as people have them to results in their pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .config import ModelConfig
from .data.batching import batch_images, padded_size
from .data.coco import Category
from .data.images import read_image
from .data.transforms import resize_image, resized_size
from .detector import Detector
from .devices import choose_device
from .errors import DataError, ModelError, RelookError, UsageError
from .results import SHOWN_FROM, Result
from .types import Detections, Size
from .weights import SavedModel

ImageSource = str | Path | Image.Image | np.ndarray[Any, Any] | Tensor
"""A file, or an RGB image as PIL, numpy (H, W, 3) or tensor (3, H, W)."""

_LOOKAHEAD = 4  # batches read ahead to find images of one padded size
_LARGEST = 400_000_000  # pixels a network input may have


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """An image read and resized, and where it came from."""

    image: np.ndarray[Any, Any]  # (H, W, 3) uint8, as it came
    resized: np.ndarray[Any, Any]
    source: str | None

    @property
    def canvas(self) -> Size:
        """What decides whether two images can share a batch without changing each other."""
        return padded_size(_size(self.resized))


class Predictor:
    """A detector with the names of its classes, ready for images.

    `shown_from` is the score from which its objects are worth showing: drawings and the command
    line leave out the others, results hold everything above the model's lower test threshold.
    `licence` is that of weights which others trained, where they are, else None.
    """

    def __init__(
        self,
        detector: Detector,
        config: ModelConfig,
        classes: Sequence[Category],
        *,
        device: torch.device | str = "auto",
        shown_from: float = SHOWN_FROM,
        licence: str | None = None,
    ) -> None:
        if len(classes) != config.num_classes:
            raise ModelError(
                "M04",
                f"the model tells {config.num_classes} classes apart, {len(classes)} were named",
            )
        self.detector = detector
        self.config = config
        self.classes = tuple(classes)
        self.shown_from = shown_from
        self.licence = licence
        self.to(device)

    @classmethod
    def of(cls, saved: SavedModel, *, device: torch.device | str = "auto") -> Predictor:
        """The predictor of a model file, with what the file says about score and licence."""
        score = saved.extra.get("shown_from")
        return cls(
            saved.detector,
            saved.config,
            saved.classes,
            device=device,
            shown_from=score if isinstance(score, float) and 0 <= score <= 1 else SHOWN_FROM,
            licence=saved.licence,
        )

    @property
    def device(self) -> torch.device:
        """Where the detector's weights are."""
        return next(self.detector.parameters()).device

    def to(self, device: torch.device | str) -> Predictor:
        """This predictor, moved; ``"auto"`` is a GPU if there is a usable one, else the CPU.

        Raises:
            RelookError: R04 when the machine has no such device.
            UsageError: U03 when there is no device of that name.
        """
        self.detector.to(choose_device(device))
        return self

    @overload
    def predict(
        self,
        images: ImageSource,
        *,
        size: tuple[int, int] | None = None,
        score: float | None = None,
        max_dets: int | None = None,
        batch_size: int = 1,
        device: torch.device | str | None = None,
    ) -> Result: ...
    @overload
    def predict(
        self,
        images: list[Any] | tuple[Any, ...],
        *,
        size: tuple[int, int] | None = None,
        score: float | None = None,
        max_dets: int | None = None,
        batch_size: int = 1,
        device: torch.device | str | None = None,
    ) -> list[Result]: ...
    def predict(
        self,
        images: ImageSource | list[Any] | tuple[Any, ...],
        *,
        size: tuple[int, int] | None = None,
        score: float | None = None,
        max_dets: int | None = None,
        batch_size: int = 1,
        device: torch.device | str | None = None,
    ) -> Result | list[Result]:
        """The objects in an image, best first, in its own pixels; a list gives a list.

        An image is a path, a PIL image, a numpy array (H, W, 3) or a tensor (3, H, W): RGB,
        uint8 or float from 0 to 1. It is scaled to fit `size` (long, short) sides in pixels, by
        default those the model was trained at. `score` and `max_dets` stand in for the model's
        own test threshold and cap; `device` moves the model first, and it stays there.

        Images of different padded size never share a batch, so `batch_size` does not change
        results beyond rounding.

        Raises:
            DataError: D01 for a missing file, D02 for an image that cannot be read.
            UsageError: U03 for an option that makes no sense.
            ModelError: M05 for an image too large for the network.
            RelookError: R04 when a batch does not fit on the device.
        """
        if device is not None:
            self.to(device)
        several = isinstance(images, list | tuple)
        sources: Sequence[ImageSource] = images if isinstance(images, list | tuple) else [images]
        results = list(
            self.stream(sources, size=size, score=score, max_dets=max_dets, batch_size=batch_size)
        )
        return results if several else results[0]

    def stream(
        self,
        images: Iterable[ImageSource],
        *,
        size: tuple[int, int] | None = None,
        score: float | None = None,
        max_dets: int | None = None,
        batch_size: int = 1,
        on_unreadable: Callable[[ImageSource, DataError], None] | None = None,
    ) -> Iterator[Result]:
        """Results one by one and in order, for more images than fit in memory.

        Options are those of `predict`. An image that cannot be read is handed to
        `on_unreadable` together with the reason, and gives no result; without it, it raises.
        """
        limits = _checked_options(size or self.config.input.size, score, max_dets, batch_size)
        sources = iter(images)
        window = 1 if batch_size == 1 else batch_size * _LOOKAHEAD
        while chunk := list(islice(sources, window)):
            ready: list[_Prepared] = []
            for source in chunk:
                try:
                    ready.append(_prepare(source, limits))
                except DataError as error:
                    if on_unreadable is None:
                        raise
                    on_unreadable(source, error)
            yield from self._detect_all(ready, score, max_dets, batch_size)

    def _detect_all(
        self, ready: Sequence[_Prepared], score: float | None, max_dets: int | None, batch_size: int
    ) -> list[Result]:
        """One result per image, in order, computed in batches of equal padded size."""
        groups: dict[Size, list[int]] = {}
        for index, prepared in enumerate(ready):
            groups.setdefault(prepared.canvas, []).append(index)
        found: dict[int, Result] = {}
        for group in groups.values():
            for start in range(0, len(group), batch_size):
                batch = group[start : start + batch_size]
                detections = self._detect([ready[i] for i in batch], score, max_dets)
                for i, one in zip(batch, detections, strict=True):
                    found[i] = Result.from_detections(
                        one,
                        ready[i].image,
                        self.classes,
                        ready[i].source,
                        shown_from=self.shown_from,
                    )
        return [found[i] for i in range(len(ready))]

    def _detect(
        self, batch: Sequence[_Prepared], score: float | None, max_dets: int | None
    ) -> list[Detections]:
        device = self.device
        images = batch_images(
            [one.resized for one in batch],
            [_size(one.image) for one in batch],
            self.config.input.mean,
            self.config.input.std,
        )
        was_training = self.detector.training
        if was_training:  # only then, so that threads may share a predictor
            self.detector.eval()
        try:
            with torch.inference_mode():
                return self.detector.detect(
                    images.to(device), score_threshold=score, max_detections=max_dets
                )
        except torch.OutOfMemoryError as error:
            height, width = images.pixels.shape[-2:]
            raise RelookError(
                "R04",
                f"{len(batch)} images of {width}x{height} pixels do not fit in the memory of "
                f"{device}. Lower batch_size or size.",
            ) from error
        finally:
            if was_training:
                self.detector.train()

    def __repr__(self) -> str:
        names = ", ".join(category.name for category in self.classes[:4])
        more = ", ..." if len(self.classes) > 4 else ""
        long, short = self.config.input.size
        millions = sum(p.numel() for p in self.detector.parameters()) / 1e6
        return (
            f"Predictor({len(self.classes)} classes: {names}{more}; images up to {long}x{short}; "
            f"{millions:.1f} M parameters on {self.device}"
            f"{f'; licence of its weights: {self.licence}' if self.licence else ''})"
        )


def _prepare(source: ImageSource, limits: tuple[int, int]) -> _Prepared:
    image = read_image(source)
    height, width = resized_size(*_size(image), limits)
    if height * width > _LARGEST:
        raise ModelError(
            "M05",
            f"an image of {image.shape[1]}x{image.shape[0]} pixels would be {width}x{height} for "
            f"the network, which is more than {_LARGEST:,} pixels. Use a smaller size than "
            f"{limits[0]} {limits[1]}.",
        )
    name = str(source) if isinstance(source, str | Path) else getattr(source, "filename", None)
    resized = np.require(resize_image(image, (height, width)), requirements="W")  # for tensors
    return _Prepared(image, resized, name or None)


def _size(image: np.ndarray[Any, Any]) -> Size:
    return int(image.shape[0]), int(image.shape[1])


def _checked_options(
    size: Sequence[int], score: float | None, max_dets: int | None, batch_size: int
) -> tuple[int, int]:
    """The size limits (long, short), if all options make sense."""
    if len(size) != 2 or not 0 < size[1] <= size[0]:
        raise UsageError("U03", f"size: expected (long, short) in pixels, got {tuple(size)}")
    if score is not None and not 0 <= score <= 1:
        raise UsageError("U03", f"score: expected a number from 0 to 1, got {score}")
    if max_dets is not None and max_dets < 1:
        raise UsageError("U03", f"max_dets: expected at least 1, got {max_dets}")
    if batch_size < 1:
        raise UsageError("U03", f"batch_size: expected at least 1, got {batch_size}")
    return int(size[0]), int(size[1])
