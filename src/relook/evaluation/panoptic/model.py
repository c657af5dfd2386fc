"""Run a model over a panoptic data set, write its maps and score them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

from ...data.panoptic.reader import PanopticIndex, to_coco_index
from ...data.panoptic.writer import PanopticWriter
from ...errors import DataError
from ...inference.backend import OnView
from ...inference.options import OptionChanges, PanopticRequest, PredictOptions
from ...inference.predictor import DEFAULTS, Predictor
from ...inference.preprocess import Unreadable
from ...inference.results import Result, categories_of
from ...inference.stream import panoptic_task
from ...structures.panoptic import PanopticCategory, PanopticMap
from ..coco import evaluate_coco
from ..ground_truth import truth_of
from ..metrics import Metrics
from ..run import check_size, for_scoring
from .run import evaluate_panoptic
from .scores import PanopticScores


class PanopticEvaluation(NamedTuple):
    """Numbers of the maps and of their objects, and the speed."""

    scores: PanopticScores
    metrics: Metrics
    predictions: list[dict[str, Any]]  # COCO results with the category ids of the ground truth
    images_per_second: float  # reading, detecting, merging, writing and scoring


def evaluate_panoptic_model(
    predictor: Predictor,
    index: PanopticIndex,
    writer: PanopticWriter,
    options: PredictOptions = DEFAULTS,
    *,
    progress: Callable[[int, int], None] | None = None,
    on_view: OnView | None = None,
    say: Callable[[str], None] | None = None,
    on_result: Callable[[Result], None] | None = None,
    **changes: Unpack[OptionChanges],
) -> PanopticEvaluation:
    """Panoptic quality, and COCO metrics of the objects, of `predictor` on the images of `index`.

    The maps are written by `writer`. `changes` are fields of `options`; without a panoptic request
    in them, the model's own rule and labels are used. Categories are matched by name. `progress`
    is called with the number of finished images, and of all, `on_result` with the result of each;
    `on_view` and `say` are those of `Predictor.outcomes`.

    Raises:
        DataError: D13 when the data lacks a category of the model, D11 when there is no image;
            else as `evaluate_model`.
    """
    if not index.images:
        raise DataError("D11", f"{index.path}: there are no images to evaluate.")
    options = for_scoring(predictor, options.with_(**changes))
    options = replace(options, panoptic=options.panoptic or PanopticRequest())
    task = panoptic_task(predictor, options.panoptic)
    ids = _file_ids(index, categories_of(predictor.classes, () if task is None else task.stuff))
    predictions: list[dict[str, Any]] = []
    started = time.perf_counter()

    def maps() -> Generator[tuple[int, PanopticMap], None, None]:
        paths = (image.path for image in index.images)
        with closing(predictor.outcomes(paths, options, on_view=on_view, say=say)) as results:
            for done, (image, result) in enumerate(zip(index.images, results, strict=True), 1):
                if isinstance(result, Unreadable):
                    raise result.error
                check_size(image.path, result.size, index.path, image.size)
                assert result.panoptic is not None
                panoptic = _renamed(result.panoptic, ids)
                rows = result.to_coco(image.id)
                predictions.extend({**row, "category_id": ids[row["category_id"]]} for row in rows)
                writer.add(image.id, image.file_name, panoptic)
                yield image.id, panoptic
                if on_result is not None:
                    on_result(result)
                if progress is not None:
                    progress(done, len(index.images))

    scores = evaluate_panoptic(index, maps())
    writer.finish()
    speed = len(index.images) / (time.perf_counter() - started)
    truth = truth_of(to_coco_index(index))
    cap = options.max_dets or predictor.config.cascade.select.max_detections
    metrics = evaluate_coco(truth, predictions, max_dets=cap, count_from=predictor.shown_from)
    return PanopticEvaluation(scores, metrics, predictions, speed)


def _file_ids(index: PanopticIndex, categories: Sequence[PanopticCategory]) -> dict[int, int]:
    """Category id of the model -> category id of the data, by name and kind."""
    by_name = {(c.name, c.is_thing): c.id for c in index.categories}
    unknown = [c.name for c in categories if (c.name, c.is_thing) not in by_name]
    if unknown:
        raise DataError(
            "D13",
            f"{index.path.name}: the model has {len(unknown)} of {len(categories)} categories that "
            f"the file has not, or not of this kind: {', '.join(unknown[:5])}"
            f"{', ...' if len(unknown) > 5 else ''}. Every pixel it gives to one of them would "
            "count as wrong. Add them to the categories of the file, under these names.",
        )
    return {c.id: by_name[c.name, c.is_thing] for c in categories}


def _renamed(panoptic: PanopticMap, ids: Mapping[int, int]) -> PanopticMap:
    segments = (replace(s, category_id=ids[s.category_id]) for s in panoptic.segments)
    return PanopticMap(panoptic.ids, tuple(segments))
