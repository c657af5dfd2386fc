"""From images as people have them to results in their pixels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import islice
from typing import Any, overload

import torch

from .config import ModelConfig
from .data.batching import batch_images
from .data.coco import Category
from .detector import Detector
from .devices import choose_device, memory_explained
from .errors import DataError, ModelError
from .fast import plain
from .folding import FoldedCopy, fast_ways
from .memory import keep_freed
from .overlap import in_order
from .prediction_options import PredictionOptions
from .prepared import (
    READ_AHEAD,
    ImageSource,
    Prepared,
    Unreadable,
    batches,
    read,
    window_of,
)
from .results import SHOWN_FROM, Result
from .tta import detect_in_views
from .types import Detections, ImageBatch
from .views import TTA, views_of
from .weights import SavedModel


class Predictor:
    """A detector with the names of its classes, ready for images.

    `shown_from` is the score from which its objects are worth showing: drawings and the command
    line leave out the others, results hold everything above the model's lower test threshold.
    `licence` is that of weights which others trained, where they are, else None. Unless `fast` is
    off, prediction on a CPU takes the ways that `describe` names: the same results up to
    rounding, in less time.
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
        fast: bool = True,
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
        self.fast = fast
        self._folded = FoldedCopy()
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
        tta: TTA | str | None = None,
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
        tta: TTA | str | None = None,
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
        tta: TTA | str | None = None,
        device: torch.device | str | None = None,
    ) -> Result | list[Result]:
        """The objects in an image, best first, in its own pixels; a list gives a list.

        An image is a path, a PIL image, a numpy array (H, W, 3) or a tensor (3, H, W): RGB,
        uint8 or float from 0 to 1. It is scaled to fit `size` (long, short) sides in pixels, by
        default those the model was trained at. `score` and `max_dets` stand in for the model's
        own test threshold and cap; `device` moves the model first, and it stays there. `tta` looks
        at several sizes of the image, in place of `size`, and in a mirror: a `relook.TTA`, or
        what `--tta` takes.

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
            self.stream(
                sources,
                size=size,
                score=score,
                max_dets=max_dets,
                batch_size=batch_size,
                tta=tta,
            )
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
        tta: TTA | str | None = None,
        on_unreadable: Callable[[ImageSource, DataError], None] | None = None,
    ) -> Generator[Result, None, None]:
        """Results one by one and in order, for more images than fit in memory.

        Options are those of `predict`. An image that cannot be read is handed to
        `on_unreadable` together with the reason, and gives no result; without it, it raises.

        While the network works on one image, a thread reads and resizes the next ones and another
        one pastes and codes the masks of those before it. `images` is therefore taken a few items
        ahead, and an array in it must not change afterwards. The threads end with the iterator.
        """
        own = size or self.config.input.size
        asked = PredictionOptions.of(own, score, max_dets, batch_size, tta)
        ahead = READ_AHEAD if batch_size == 1 else window_of(batch_size)
        with (
            closing(in_order(lambda one: read(one, asked.size), images, ahead=ahead)) as ready,
            closing(self._detect_all(ready, asked)) as found,
            closing(in_order(self._finished, found, ahead=batch_size)) as results,
        ):
            for result in results:
                if isinstance(result, Result):
                    yield result
                elif on_unreadable is None:
                    raise result.error
                else:
                    on_unreadable(result.source, result.error)

    def _detect_all(
        self, ready: Iterator[Prepared | Unreadable], asked: PredictionOptions
    ) -> Generator[tuple[Prepared, Detections] | Unreadable, None, None]:
        """What was found in each image, in order, computed in batches of equal padded size."""
        while window := list(islice(ready, window_of(asked.batch_size))):
            found: dict[int, Detections] = {}
            given = 0
            for batch in batches(window, asked.batch_size):
                images = [one for i in batch if isinstance(one := window[i], Prepared)]
                found |= zip(batch, self._detect(images, asked), strict=True)
                for one in window[given:]:
                    if isinstance(one, Unreadable):
                        yield one
                    elif given in found:
                        yield one, found.pop(given)
                    else:
                        break
                    given += 1
            yield from (one for one in window[given:] if isinstance(one, Unreadable))

    def _finished(self, found: tuple[Prepared, Detections] | Unreadable) -> Result | Unreadable:
        """The result of one image, its masks pasted and coded."""
        if isinstance(found, Unreadable):
            return found
        prepared, detections = found
        return Result.from_detections(
            detections,
            prepared.image,
            self.classes,
            prepared.source,
            shown_from=self.shown_from,
        )

    def _detect(self, batch: Sequence[Prepared], asked: PredictionOptions) -> list[Detections]:
        if asked.tta is not None:
            return [self._detect_in_views(one, asked, asked.tta) for one in batch]
        images = batch_images(
            [one.resized for one in batch],
            [one.size for one in batch],
            self.config.input.mean,
            self.config.input.std,
        )
        with self._predicting(images):
            return self._network().detect(
                images.to(self.device), score_threshold=asked.score, max_detections=asked.max_dets
            )

    def _detect_in_views(self, one: Prepared, asked: PredictionOptions, tta: TTA) -> Detections:
        normal = self.config.input
        views = views_of(one.image, tta, asked.size, normal.mean, normal.std)
        views = [view._replace(images=view.images.to(self.device)) for view in views]
        largest = max((view.images for view in views), key=lambda images: images.pixels.numel())
        with self._predicting(largest):
            return detect_in_views(
                self._network(),
                views,
                tta,
                score_threshold=asked.score,
                max_detections=asked.max_dets,
            )

    @contextmanager
    def _predicting(self, images: ImageBatch) -> Iterator[None]:
        """The detector as it is for predicting, and what it means when memory is not enough."""
        was_training = self.detector.training
        if was_training:  # only then, so that threads may share a predictor
            self.detector.eval()
        height, width = images.pixels.shape[-2:]
        what = f"{len(images)} images of {width}x{height} pixels"
        try:
            with (
                memory_explained(what, self.device),
                torch.inference_mode(),
                nullcontext() if self.fast else plain(),
            ):
                yield
        finally:
            if was_training:
                self.detector.train()

    def _network(self) -> Detector:
        """What predicts: the detector, or its folded copy."""
        if not self._folds():
            return self.detector
        keep_freed()
        return self._folded.of(self.detector)

    def _folds(self) -> bool:
        weight = next(self.detector.parameters())
        return self.fast and weight.device.type == "cpu" and weight.dtype == torch.float32

    def describe(self) -> str:
        """What the model is, and which fast ways its predictions take, as lines of text."""
        if self._folds():
            ways = fast_ways()
        else:
            why = "fast is off" if not self.fast else f"there are none on {self.device}"
            ways = [f"plain operations of PyTorch and torchvision: {why}"]
        return "\n".join([repr(self), *ways])

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
