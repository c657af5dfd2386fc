"""A network at work on images that are read and resized."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Any

import torch

from ..config.model import InputConfig
from ..data.batching import batch_images
from ..models.detector import Detector, Segmented
from ..ops.cpu.switch import plain
from ..runtime.devices import memory_explained
from ..structures.detection import Detections, ImageBatch
from .options import PredictionOptions
from .preprocess import Prepared, Unreadable, batches, window_of
from .tta import detect_in_views
from .views import TTA, views_of

Found = Detections | Segmented  # in one image


class Detecting:
    """What is found in images, one after the other.

    `network` gives what predicts, the `detector` itself or a copy of it, once it is in its mode
    for predicting. `normal` is how images become numbers.
    """

    def __init__(
        self,
        detector: Detector,
        network: Callable[[], Detector],
        normal: InputConfig,
        device: torch.device,
        asked: PredictionOptions,
        *,
        fast: bool,
    ) -> None:
        self.detector, self.network = detector, network
        self.normal, self.device, self.asked, self.fast = normal, device, asked, fast

    def all(
        self, ready: Iterator[Prepared | Unreadable]
    ) -> Generator[tuple[Prepared, Found] | Unreadable, None, None]:
        """What was found in each image, in order, computed in batches of equal padded size."""
        size = self.asked.batch_size
        while window := list(islice(ready, window_of(size))):
            found: dict[int, Found] = {}
            given = 0
            for batch in batches(window, size):
                images = [one for i in batch if isinstance(one := window[i], Prepared)]
                found |= zip(batch, self.detect(images), strict=True)
                for one in window[given:]:
                    if isinstance(one, Unreadable):
                        yield one
                    elif given in found:
                        yield one, found.pop(given)
                    else:
                        break
                    given += 1
            yield from (one for one in window[given:] if isinstance(one, Unreadable))

    def detect(self, batch: Sequence[Prepared]) -> list[Found]:
        """What is found in images of one padded size."""
        asked, normal = self.asked, self.normal
        how: dict[str, Any] = {"score_threshold": asked.score, "max_detections": asked.max_dets}
        if asked.tta is not None:
            return [self._detect_in_views(one, asked.tta, **how) for one in batch]
        images = batch_images(
            [one.resized for one in batch], [one.size for one in batch], normal.mean, normal.std
        )
        with self._predicting(images):
            if asked.label_pixels:
                return list(self.network().segment(images.to(self.device), **how))
            return list(self.network().detect(images.to(self.device), **how))

    def _detect_in_views(self, one: Prepared, tta: TTA, **how: Any) -> Detections:
        views = views_of(one.image, tta, self.asked.size, self.normal.mean, self.normal.std)
        views = [view._replace(images=view.images.to(self.device)) for view in views]
        largest = max((view.images for view in views), key=lambda images: images.pixels.numel())
        with self._predicting(largest):
            return detect_in_views(self.network(), views, tta, **how)

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
