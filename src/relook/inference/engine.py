"""The engine: the only place that runs `Detector.detect` and `Detector.segment`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Final

import torch

from ..config.model import InputConfig
from ..data.batching import batch_images
from ..errors import counted
from ..models.cascades.protocol import Cascade
from ..models.detector import Detector
from ..models.folding import fast_ways
from ..ops.cpu.switch import plain
from ..runtime.devices import choose_device, memory_explained
from ..runtime.memory import keep_freed, return_freed
from ..structures.detection import Detections, ImageBatch
from .backend import OnView
from .held_detector import HeldDetector
from .options import PredictOptions
from .precision import Precision, dtype_on
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
        again: Function that loads the same detector once more; with it, the weights are held
            folded only (`HeldDetector`).
    """

    backend: Final = None  # that of a `inference.backend.FileEngine`

    def __init__(
        self,
        detector: Detector,
        input: InputConfig,
        *,
        fast: bool = True,
        fold: bool = True,
        again: Callable[[], Detector] | None = None,
    ) -> None:
        self.held = HeldDetector(detector, again)
        self.input = input
        self.fast, self.fold = fast, fold
        self._precision: Precision = "fp32"

    @property
    def detector(self) -> Detector:
        """The network. From the first call on it is kept beside its folded copy.

        Raises:
            ModelError: M01 when its weights were let go, and its file has changed since.
        """
        return self.held.share()

    @property
    def device(self) -> torch.device:
        """The device of the detector's weights."""
        if self.held.is_let_go:
            return torch.device("cpu")
        return next(self.held.whole().parameters()).device

    def to(self, device: torch.device | str) -> None:
        """Move the detector; ``"auto"`` is a GPU if there is a usable one, else the CPU.

        Raises:
            RelookError: R04 when the machine has no such device.
            UsageError: U03 when there is no device of that name.
        """
        chosen = choose_device(device)
        if chosen.type != "cpu" or not self.held.is_let_go:
            self.held.whole().to(chosen)

    @property
    def precision(self) -> Precision:
        """The precision of features and hidden layers; logits and boxes are always float32."""
        return self._precision

    @precision.setter
    def precision(self, precision: Precision) -> None:
        """Set it; UsageError U04 for one that the device does not have."""
        dtype_on(precision, self.device)
        self._precision = precision

    @property
    def folds(self) -> bool:
        """Return whether the folded copy predicts."""
        held = self.held
        if held.is_let_go:
            return self.fast and self.fold
        weight = next(held.whole().parameters())
        is_plain_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
        return self.fast and self.fold and is_plain_cpu

    def describe(self) -> list[str]:
        """The fast ways that predictions take, as lines of text."""
        if self.folds:
            return [*fast_ways(), *self._precision_lines(), self._weights_line()]
        why = f"there are none on {self.device}" if self.fast else "fast is off"
        plain_line = f"plain operations of PyTorch and torchvision: {why}"
        return [plain_line, *self._precision_lines()]

    def check(self, options: PredictOptions) -> None:
        """Do nothing: a detector can do what `options` ask, or says so where it is run."""

    def _precision_lines(self) -> list[str]:
        if self.precision == "fp32":
            return []
        return [f"{self.precision}: features and hidden layers; logits and boxes are float32"]

    def _weights_line(self) -> str:
        if self.held.can_go:
            return "weights: in memory once, folded; as trained, they are read from the file again"
        return "weights: in memory twice, as trained and folded"

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
        trained = self._in_training()
        if trained is not None:  # only then, so that threads may share an engine
            trained.eval()
        height, width = images.pixels.shape[-2:]
        what = f"{counted(len(images), 'image')} of {width}x{height} pixels"
        dtype = dtype_on(self.precision, self.device)
        try:
            with (
                memory_explained(what, self.device),
                torch.inference_mode(),
                nullcontext() if self.fast else plain(),
                nullcontext()
                if dtype == torch.float32
                else torch.autocast(self.device.type, dtype),
            ):
                yield self._network(dtype)
        finally:
            if trained is not None:
                trained.train()
            return_freed()

    def _in_training(self) -> Detector | None:
        """The detector if it is in training mode."""
        if self.held.is_let_go:
            return None
        detector = self.held.whole()
        return detector if detector.training else None

    def _network(self, dtype: torch.dtype) -> Detector:
        if not self.folds:
            return self.held.whole()
        keep_freed()
        return self.held.folded(dtype)
