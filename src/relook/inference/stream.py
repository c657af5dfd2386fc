"""Images in, outcomes out, in order: reading ahead, batches, and finishing behind."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from ..data.images import ImageSource
from ..data.images.shown import as_picture
from ..errors import DataError
from ..runtime.edition import check_whole
from ..runtime.prefetch import Behind, in_order
from ..structures.detection import AnyDetections
from .backend import OnView
from .first_look import at_best_scales
from .options import PanopticRequest, PredictOptions
from .preprocess import Prepared, Unreadable, batches, read_ahead, window_of
from .results import Result
from .scaling import Scaling, scaled_for
from .tiles.large import LargeImage
from .tiles.opening import read_or_open
from .tiles.work import TileWork

if TYPE_CHECKING:
    from .panoptic import PanopticTask
    from .predictor import Predictor

Job = Result | Unreadable | tuple[Prepared, AnyDetections]  # becomes an outcome
Opened = Prepared | LargeImage | Unreadable


class Stream:
    """The way of the images of one prediction through `predictor`.

    Args:
        predictor: Has the engine, the classes and the rules.
        options: Of the prediction, with a score.
        tiles: Predicts the images that are cut into tiles.
        on_view: Told of the steps of images that are predicted in several views.

    Raises:
        ModelError, UsageError: As `Predictor.predict` for options that the model cannot fulfil.
    """

    def __init__(
        self,
        predictor: Predictor,
        options: PredictOptions,
        tiles: TileWork,
        on_view: OnView | None = None,
    ) -> None:
        self._predictor, self._options, self._tiles = predictor, options, tiles
        self._on_view = on_view
        predictor.engine.check(options)
        self._task = panoptic_task(predictor, options.panoptic)
        own = predictor.config.input.size
        self.read = partial(
            read_or_open,
            limits=options.size or own,
            tiling=tiles.tiling,
            reading=predictor.reading(options),
            scaled=scaled_for(options.diameter, predictor.sizes, own),
        )

    def outcomes(self, images: Iterable[ImageSource]) -> Generator[Result | Unreadable, None, None]:
        """The outcome of each image, in order; see `Predictor.outcomes`."""
        # Views are run image by image, so that a window of many would only delay the first.
        batch_size = 1 if self._options.tta is not None else self._options.batch_size
        width = window_of(batch_size)
        with (
            closing(in_order(self.read, images, ahead=read_ahead(batch_size))) as ready,
            Behind(self.finished, ahead=width) as finishing,
        ):
            try:
                while window := list(islice(ready, width)):
                    self._tiles.warn(window)
                    for job in self.jobs(window):
                        yield from finishing.put(job)
            except Exception:
                yield from finishing.rest()
                raise
            yield from finishing.rest()

    def jobs(self, window: Sequence[Opened]) -> Iterator[Job]:
        """Detections of the images of `window`, in order, from batches of equal padded size."""
        predictor, options = self._predictor, self._options
        detections: dict[int, AnyDetections] = {}
        if options.diameter == "auto":
            scaling = Scaling.of(predictor.sizes, predictor.config.input.size)
            window, detections = at_best_scales(
                window, predictor.engine, scaling, options, predictor.shown_from
            )
        for rows in batches(window, options.batch_size):
            missing = [row for row in rows if row not in detections]
            images = [image for row in missing if isinstance(image := window[row], Prepared)]
            if images:
                batch = predictor.engine.run_prepared(images, options, self._on_view)
                detections |= zip(missing, batch, strict=True)
        for row, image in enumerate(window):
            if isinstance(image, LargeImage):
                yield self._tiles.predict(image)
            else:
                yield (image, detections[row]) if isinstance(image, Prepared) else image

    def finished(self, job: Job) -> Result | Unreadable:
        """The result of one image, its masks pasted and coded, its panoptic map merged."""
        if isinstance(job, Result | Unreadable):
            return job
        (prepared, detections), options = job, self._options
        result = replace(
            Result.from_detections(
                detections,
                as_picture(prepared.image),
                self._predictor.classes,
                prepared.source,
                info=prepared.info,
            ),
            frame=prepared.frame,
            time=prepared.time,
            scale=prepared.scale,
        )
        if options.score is not None and options.score > self._predictor.test_score:
            result = result.filter(options.score)  # soft suppression lowers scores after the test
        if self._task is None:
            return result
        try:
            return self._task.of_result(result, detections.arrays().semantic)
        except DataError as error:
            return Unreadable(prepared.source or "image", error)


def panoptic_task(predictor: Predictor, request: PanopticRequest | None) -> PanopticTask | None:
    """The task of merging objects and labels; None where nothing panoptic is wanted.

    Raises:
        ModelError: M04 for a model that cannot.
        UsageError: U04 when a thing and a kind of stuff have one category id.
    """
    if request is None:
        return None
    check_whole("a panoptic map")
    from .panoptic import PanopticTask

    config = predictor.config
    rule = request.rule_for(config.panoptic)
    return PanopticTask.of(config, predictor.classes, predictor.stuff, rule, request.labels)
