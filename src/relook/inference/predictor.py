"""From images as people have them to results in their pixels."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Unpack, overload

from ..config.base import overlay
from ..config.model import ModelConfig
from ..data.coco.reader import Category
from ..data.images import ImageSource
from ..errors import ModelError
from ..structures.object_sizes import ObjectSizes
from ..structures.panoptic import PanopticCategory
from ..structures.rules.reading import Reading
from .backend import Backend, OnView, engine_of
from .options import OptionChanges, PredictOptions, shown_score
from .precision import Precision, checked_precision
from .preprocess import Unreadable
from .results import SHOWN_FROM, Result
from .stream import Stream
from .tiles.work import OnTile, TileWork
from .tracking import Tracker, TrackOptions
from .words import model_lines

if TYPE_CHECKING:
    import torch

    from ..models.detector import Detector
    from ..weights import SavedModel

DEFAULTS = PredictOptions()
TRACKING: Final = TrackOptions()
_LOG: Final = logging.getLogger("relook")


class Predictor:
    """A detector with the names of its classes, ready for images.

    The detector may be a network in a file (`relook.load` of an ONNX file). `shown_from` is the
    score from which an object is found, unless a prediction asks for another one. `stuff` names the
    labels of pixels of a model that was trained on panoptic data, `licence` is that of weights that
    others trained, and `sizes` are those of the training objects, where they are known. Unless
    `fast` is off, prediction on a CPU takes the ways that `describe` names: the same results up to
    rounding, in less time. With `again`, a function that loads the same detector once more, its
    weights are held in memory once (`detector`).
    """

    def __init__(
        self,
        detector: Detector | Backend,
        config: ModelConfig,
        classes: Sequence[Category],
        *,
        device: torch.device | str = "auto",
        stuff: Sequence[PanopticCategory] = (),
        shown_from: float = SHOWN_FROM,
        licence: str | None = None,
        sizes: ObjectSizes | None = None,
        fast: bool = True,
        again: Callable[[], Detector] | None = None,
    ) -> None:
        if len(classes) != config.num_classes:
            raise ModelError(
                "M04",
                f"the model tells {config.num_classes} classes apart, {len(classes)} were named",
            )
        self.engine = engine_of(detector, config.input, fast=fast, again=again)
        self.config = config
        self.classes = tuple(classes)
        self.stuff = tuple(stuff)
        self.shown_from = shown_from
        self.licence = licence
        self.sizes = sizes
        self.to(device)

    @classmethod
    def of(
        cls, saved: SavedModel, *, device: torch.device | str = "auto", fast: bool = True,
        again: Callable[[], Detector] | None = None,
    ) -> Predictor:  # fmt: skip
        """The predictor of a model file, with what the file says about score and licence."""
        return cls(
            saved.detector,
            saved.config,
            saved.classes,
            device=device,
            stuff=saved.stuff,
            shown_from=shown_score(saved.extra),
            licence=saved.licence,
            sizes=saved.sizes, fast=fast, again=again,
        )  # fmt: skip

    @property
    def detector(self) -> Detector:
        """The network, which stays in memory beside its folded copy from now on.

        Raises: UsageError U04 for a file of another format, which has no layers; ModelError M01
        when the model was held folded only, and its file is gone or has changed.
        """
        return self.engine.detector

    @property
    def device(self) -> torch.device | str:
        """The device of the detector's weights; ``"cpu"`` for a file of another format."""
        return self.engine.device

    @property
    def fast(self) -> bool:
        """Return whether predictions take the fast ways; can be set at any time."""
        return self.engine.fast

    @fast.setter
    def fast(self, on: bool) -> None:
        self.engine.fast = on

    @property
    def precision(self) -> Precision:
        """The precision of features and hidden layers; can be set at any time. Boxes, logits and
        scores are float32 in all.

        Raises: UsageError U03 for an unknown one, U04 for one that the device or file has not.
        """
        return self.engine.precision

    @precision.setter
    def precision(self, precision: str) -> None:
        self.engine.precision = checked_precision(precision)

    @property
    def test_score(self) -> float:
        """The network's own test threshold: the low one, from which objects are evaluated."""
        return self.config.cascade.select.score_threshold

    def first_stages(self, stages: int) -> Predictor:
        """A predictor with the first `stages` of the cascade; the weights are shared.

        Raises:
            UsageError: U03 when the cascade does not have so many.
        """
        return self._with(self.detector.first_stages(stages), self.config)

    def changed(self, changes: Mapping[str, Any]) -> Predictor:
        """A predictor with nested `changes` of the model's configuration; the weights are shared.

        Raises:
            UsageError: U02 for an unknown field, U03 for a bad value, U04 for a change after which
                the weights do not fit.
        """
        detector = self.detector
        from ..models.build import rebuilt

        config = overlay(self.config, changes)
        return self._with(rebuilt(detector, config), config)

    def _with(self, detector: Detector, config: ModelConfig) -> Predictor:
        same = copy.copy(self)
        same.config, same.engine = config, engine_of(detector, config.input, fast=self.fast)
        same.precision = self.precision
        return same

    def to(self, device: torch.device | str) -> Predictor:
        """This predictor, moved; ``"auto"`` is a GPU if there is a usable one, else the CPU.

        Raises:
            RelookError: R04 when the machine has no such device.
            UsageError: U03 when there is no device of that name.
        """
        self.engine.to(device)
        return self

    @overload
    def predict(
        self,
        images: ImageSource,
        options: PredictOptions = ...,
        *,
        device: torch.device | str | None = ...,
        **changes: Unpack[OptionChanges],
    ) -> Result: ...
    @overload
    def predict(
        self,
        images: list[Any] | tuple[Any, ...],
        options: PredictOptions = ...,
        *,
        device: torch.device | str | None = ...,
        **changes: Unpack[OptionChanges],
    ) -> list[Result]: ...
    def predict(
        self,
        images: ImageSource | list[Any] | tuple[Any, ...],
        options: PredictOptions = DEFAULTS,
        *,
        device: torch.device | str | None = None,
        **changes: Unpack[OptionChanges],
    ) -> Result | list[Result]:
        """The objects in an image, best first, in its own pixels; a list gives a list.

        An image is a path, the bytes of an image file or a file that is open for reading bytes,
        an address, a PIL image, a numpy array (H, W, 3) or a tensor (3, H, W). 8 bits, and floats
        from 0 to 1 in arrays, are taken as they are; other values are mapped as `Reading` says.
        `changes` are fields of `PredictOptions`, such as
        ``score=0.5``, and stand in for those of `options`. Objects have at least the score
        `shown_from`, unless a score is asked for. `device` moves the model first, and it stays
        there.

        Images of different padded size never share a batch, so `batch_size` does not change
        results beyond rounding.

        Raises:
            DataError: D01 for a missing file, D02 for an image that cannot be read.
            UsageError: U02 for an unknown option, U03 for one that makes no sense, U04 for two
                that do not go together.
            ModelError: M04 for `panoptic` and a model that cannot, M05 for an image too large for
                the network.
            RelookError: R04 when a batch does not fit on the device.
        """
        if device is not None:
            self.to(device)
        if isinstance(images, list | tuple):
            return list(self.stream(images, options, **changes))
        (result,) = self.stream([images], options, **changes)
        return result

    def stream(
        self,
        images: Iterable[ImageSource],
        options: PredictOptions = DEFAULTS,
        **changes: Unpack[OptionChanges],
    ) -> Generator[Result, None, None]:
        """Results one by one and in order, for more images than fit in memory.

        Raises as `predict`, after the results before the image that cannot be read; `outcomes`
        goes on after such an image.
        """
        with closing(self.outcomes(images, options, **changes)) as outcomes:
            for one in outcomes:
                if isinstance(one, Unreadable):
                    raise one.error
                yield one

    def track(
        self,
        images: Iterable[ImageSource],
        options: PredictOptions = DEFAULTS,
        *,
        tracking: TrackOptions = TRACKING,
        **changes: Unpack[OptionChanges],
    ) -> Generator[Result, None, None]:
        """Results of successive frames, one by one, with the identities of objects over them.

        `images` are the frames of one scene in their order, such as ``find_sources(["film.mp4"])
        .images``. Each result has `Result.tracks`; see `inference.tracking` for the rule.

        Raises as `stream`, and DataError D10 for a frame of another size, UsageError U04 without
        scipy, which is in the extra ``relook[video]``.
        """
        tracker = Tracker(overlap=tracking.overlap, gap=tracking.gap)
        with closing(self.stream(images, options, **changes)) as results:
            for result in results:
                yield replace(result, tracks=tracker.update(result))

    def outcomes(
        self,
        images: Iterable[ImageSource],
        options: PredictOptions = DEFAULTS,
        *,
        on_tile: OnTile | None = None,
        on_view: OnView | None = None,
        say: Callable[[str], None] | None = None,
        **changes: Unpack[OptionChanges],
    ) -> Generator[Result | Unreadable, None, None]:
        """Predict each image, in order: its result, or why it could not be read.

        While the network works on one image, a thread reads and resizes the next ones and another
        one pastes and codes the masks of those before it. `images` is therefore taken a few items
        ahead, and an array in it must not change afterwards. The threads end with the iterator.

        `on_tile` is told of tiles of images that are cut, `on_view` of the steps of images in
        several views, `say` of the first too large image that is not cut. Raises as `predict`, but
        not for unreadable images, after the outcomes before.
        """
        options = self.resolved(options.with_(**changes))
        tiles = TileWork(self, options, on_tile, say)
        return Stream(self, options, tiles, on_view).outcomes(images)

    def resolved(self, options: PredictOptions) -> PredictOptions:
        """`options` with the score that this model has for what they ask.

        Objects below the score of the panoptic rule are of no use to a map, but those above it
        are, so that a map has the same segments here and in an evaluation.
        """
        if options.score is not None:
            return options
        score = self.shown_from
        if options.panoptic is not None:
            score = min(score, options.panoptic.rule_for(self.config.panoptic).score)
        return options.with_(score=score)

    def reading(self, options: PredictOptions = DEFAULTS) -> Reading:
        """The reading of an image: as `options` say, and else as the model was trained.

        Raises:
            UsageError: U04 for another number of channels than the network has.
        """
        return options.reading_for(self.config.input.reading)

    def describe(self) -> str:
        """Describe the model, and the fast ways of its predictions, as lines of text."""
        return "\n".join([*model_lines(self), *self.engine.describe()])

    def __repr__(self) -> str:
        return model_lines(self)[0]
