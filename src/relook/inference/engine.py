"""The engine: the only place that runs `Detector.detect` and `Detector.segment`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Final

import torch

from ..config.model import InputConfig
from ..data.batching import batch_images
from ..errors import counted
from ..models.cascades.protocol import Cascade
from ..models.detector import Detector
from ..models.folding import FoldedCopy, fast_ways
from ..ops.cpu.switch import plain
from ..runtime.devices import choose_device, memory_explained
from ..runtime.memory import keep_freed
from ..structures.detection import Detections, ImageBatch
from .backend import OnView
from .options import PredictOptions
from .preprocess import Prepared
from .tta import merge_views, turned_back
from .views import TTA, View, views_of


class Engine:
    """Runs a detector on images.

    It owns all that prediction needs around the network: evaluation mode, which is undone
    afterwards, PyTorch's inference mode, the folded copy, the device, and the message when memory
    is not enough. Threads may share an engine.

    Args:
        detector: The network, which may still change.
        input: How images become numbers.
        fast: Take the fast operations of `ops.cpu`, and the folded copy.
        fold: Predict with a folded copy where there is one (float32 on a CPU). Without it every
            layer runs as it is, which hooks on layers need.
    """

    backend: Final = None  # that of a `inference.backend.FileEngine`

    def __init__(
        self,
        detector: Detector,
        input: InputConfig,
        *,
        fast: bool = True,
        fold: bool = True,
    ) -> None:
        self.detector = detector
        self.input = input
        self.fast, self.fold = fast, fold
        self._folded = FoldedCopy()

    @property
    def device(self) -> torch.device:
        """The device of the detector's weights."""
        return next(self.detector.parameters()).device

    def to(self, device: torch.device | str) -> None:
        """Move the detector; ``"auto"`` is a GPU if there is a usable one, else the CPU.

        Raises:
            RelookError: R04 when the machine has no such device.
            UsageError: U03 when there is no device of that name.
        """
        self.detector.to(choose_device(device))

    @property
    def folds(self) -> bool:
        """Return whether the folded copy predicts."""
        weight = next(self.detector.parameters())
        is_plain_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
        return self.fast and self.fold and is_plain_cpu

    def describe(self) -> list[str]:
        """The fast ways that predictions take, as lines of text."""
        if self.folds:
            return fast_ways()
        why = f"there are none on {self.device}" if self.fast else "fast is off"
        return [f"plain operations of PyTorch and torchvision: {why}"]

    def check(self, options: PredictOptions) -> None:
        """Do nothing: a detector can do what `options` ask, or says so where it is run."""

    def run(self, images: ImageBatch, options: PredictOptions) -> list[Detections]:
        """Detections of each image of a batch, best first, in pixels of the original images.

        Of `options` the score and the most objects count, whether classes suppress each other,
        and whether pixels are labelled; None is the network's own test threshold and cap.

        Raises:
            RelookError: R04 when the batch does not fit on the device.
            ModelError: M04 for labels of pixels from a network that has none, M05 for a batch
                that cannot be fed to the network.
        """
        with self._predicting(images) as network:
            run = network.segment if options.label_pixels else network.detect
            return run(
                images.to(self.device),
                score_threshold=options.score,
                max_detections=options.max_dets,
                agnostic=options.agnostic,
            )

    def run_prepared(
        self, batch: Sequence[Prepared], options: PredictOptions, on_view: OnView | None = None
    ) -> list[Detections]:
        """Detections of images of one padded size, in the views that `options` ask for; `on_view`
        is told of the steps where there are several.

        Raises:
            As `run`.
        """
        if options.tta is not None:
            return [self._run_views(one, options.tta, options, on_view) for one in batch]
        images = batch_images(
            [one.resized for one in batch],
            [one.size for one in batch],
            *self.input.normalisation,
        )
        return self.run(images, options)

    def _run_views(
        self, one: Prepared, tta: TTA, options: PredictOptions, on_view: OnView | None
    ) -> Detections:
        views = views_of(one.image, tta, one.limits, *self.input.normalisation)
        if len(views) == 1:
            (found,) = self.run(views[0].images, options)
            return turned_back(found, views[0])
        views = [View(view.images.to(self.device), view.flipped) for view in views]
        largest = max((view.images for view in views), key=lambda images: images.pixels.numel())
        with self._predicting(largest) as network:
            cascade: Cascade = network.cascade  # type: ignore[assignment]
            rule = cascade.select.changed(
                options.score, options.max_dets, agnostic=options.agnostic
            )
            on_step = None if on_view is None else partial(on_view, one.source or "image")
            return merge_views(network, views, tta, rule, on_step)

    @contextmanager
    def _predicting(self, images: ImageBatch) -> Iterator[Detector]:
        """The network that predicts, in its mode for it; `images` say how large a batch was."""
        was_training = self.detector.training
        if was_training:  # only then, so that threads may share an engine
            self.detector.eval()
        height, width = images.pixels.shape[-2:]
        what = f"{counted(len(images), 'image')} of {width}x{height} pixels"
        try:
            with (
                memory_explained(what, self.device),
                torch.inference_mode(),
                nullcontext() if self.fast else plain(),
            ):
                yield self._network()
        finally:
            if was_training:
                self.detector.train()

    def _network(self) -> Detector:
        if not self.folds:
            return self.detector
        keep_freed()
        return self._folded.of(self.detector)
