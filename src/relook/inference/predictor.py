"""From images as people have them to results in their pixels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, overload

import torch

from ..config.model import ModelConfig, PanopticConfig
from ..data.coco.reader import Category
from ..data.panoptic.labels import StuffLabels
from ..errors import DataError, ModelError
from ..models.detector import Detector, Segmented
from ..models.folding import FoldedCopy, fast_ways
from ..runtime.devices import choose_device
from ..runtime.memory import keep_freed
from ..runtime.prefetch import in_order
from ..structures.panoptic import PanopticCategory
from ..weights.file import SavedModel
from .engine import Detecting, Found
from .options import PredictionOptions
from .panoptic import PanopticTask
from .preprocess import READ_AHEAD, ImageSource, Prepared, Unreadable, read, window_of
from .results import SHOWN_FROM, Result
from .views import TTA


class Predictor:
    """A detector with the names of its classes, ready for images.

    `shown_from` is the score from which its objects are worth showing: drawings and the command
    line leave out the others, results hold everything above the model's lower test threshold.
    `stuff` names the labels of pixels of a model that was trained on panoptic data.
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
        stuff: Sequence[PanopticCategory] = (),
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
        self.stuff = tuple(stuff)
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
            stuff=saved.stuff,
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
        panoptic: PanopticConfig | bool = False,
        stuff: StuffLabels | None = None,
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
        panoptic: PanopticConfig | bool = False,
        stuff: StuffLabels | None = None,
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
        panoptic: PanopticConfig | bool = False,
        stuff: StuffLabels | None = None,
        device: torch.device | str | None = None,
    ) -> Result | list[Result]:
        """The objects in an image, best first, in its own pixels; a list gives a list.

        An image is a path, a PIL image, a numpy array (H, W, 3) or a tensor (3, H, W): RGB,
        uint8 or float from 0 to 1. It is scaled to fit `size` (long, short) sides in pixels, by
        default those the model was trained at. `score` and `max_dets` stand in for the model's
        own test threshold and cap; `device` moves the model first, and it stays there. `tta` looks
        at several sizes of the image, in place of `size`, and in a mirror: a `relook.TTA`, or
        what `--tta` takes. `panoptic` asks for the label of each pixel and the panoptic map too,
        merged by the model's own rule or the one given; `stuff` says what the labels mean where
        the model does not, or brings those of another model.

        Images of different padded size never share a batch, so `batch_size` does not change
        results beyond rounding.

        Raises:
            DataError: D01 for a missing file, D02 for an image that cannot be read.
            UsageError: U03 for an option that makes no sense.
            ModelError: M04 for `panoptic` and a model that cannot, M05 for an image too large for
                the network.
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
                panoptic=panoptic,
                stuff=stuff,
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
        panoptic: PanopticConfig | bool = False,
        stuff: StuffLabels | None = None,
        on_unreadable: Callable[[ImageSource, DataError], None] | None = None,
    ) -> Generator[Result, None, None]:
        """Results one by one and in order, for more images than fit in memory.

        Options are those of `predict`. An image that cannot be read is handed to
        `on_unreadable` together with the reason, and gives no result; without it, it raises.

        While the network works on one image, a thread reads and resizes the next ones and another
        one pastes and codes the masks of those before it. `images` is therefore taken a few items
        ahead, and an array in it must not change afterwards. The threads end with the iterator.
        """
        task = self.panoptic_task(panoptic, stuff)
        asked = PredictionOptions.of(
            size or self.config.input.size,
            score,
            max_dets,
            batch_size,
            tta,
            label_pixels=task is not None and task.labels.folder is None,
        )
        ahead = READ_AHEAD if batch_size == 1 else window_of(batch_size)
        with (
            closing(in_order(lambda one: read(one, asked.size), images, ahead=ahead)) as ready,
            closing(self._detecting(asked).all(ready)) as found,
            closing(in_order(lambda one: self._finished(one, task), found, ahead=batch_size)) as (
                results
            ),
        ):
            for result in results:
                if isinstance(result, Result):
                    yield result
                elif on_unreadable is None:
                    raise result.error
                else:
                    on_unreadable(result.source, result.error)

    def _finished(
        self, found: tuple[Prepared, Found] | Unreadable, task: PanopticTask | None
    ) -> Result | Unreadable:
        """The result of one image, its masks pasted and coded, its panoptic map merged."""
        if isinstance(found, Unreadable):
            return found
        prepared, what = found
        detections = what.detections if isinstance(what, Segmented) else what
        result = Result.from_detections(
            detections,
            prepared.image,
            self.classes,
            prepared.source,
            shown_from=self.shown_from,
        )
        if task is None:
            return result
        labels = what.semantic.cpu().numpy() if isinstance(what, Segmented) else None
        try:
            return task.of_result(result, labels)
        except DataError as error:
            return Unreadable(prepared.source or "image", error)

    def panoptic_task(
        self, panoptic: PanopticConfig | bool, stuff: StuffLabels | None = None
    ) -> PanopticTask | None:
        """How objects and labels are merged; the options are those of `predict`, and raise as
        there. None without `panoptic`."""
        if panoptic is False:
            return None
        rule = panoptic if isinstance(panoptic, PanopticConfig) else None
        return PanopticTask.of(self.config, self.classes, self.stuff, rule, stuff)

    def _detecting(self, asked: PredictionOptions) -> Detecting:
        normal = self.config.input
        return Detecting(self.detector, self._network, normal, self.device, asked, fast=self.fast)

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
