"""Run a model over an annotated data set and score it."""

from __future__ import annotations

import logging
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from ..data.coco.reader import Category, CocoIndex
from ..errors import DataError
from ..inference.backend import OnView
from ..inference.options import OptionChanges, PredictOptions
from ..inference.predictor import DEFAULTS, Predictor
from ..inference.preprocess import Unreadable
from ..inference.results import Result
from ..inference.tiles.work import OnTile
from .coco import evaluate_coco
from .crowding.rule import HuddleRule, find_huddles
from .evaluator import IouType
from .ground_truth import GroundTruth, truth_of
from .metrics import Metrics
from .statistics.bootstrap import Resampling

_LOG = logging.getLogger("relook")


class Evaluation(NamedTuple):
    """Numbers of an evaluation, its predictions and ground truth, and the speed."""

    metrics: Metrics
    predictions: list[dict[str, Any]]  # COCO results with the category ids of the ground truth
    images_per_second: float  # reading, detecting and pasting of masks; not the scoring
    truth: GroundTruth


def evaluate_model(
    predictor: Predictor,
    index: CocoIndex,
    options: PredictOptions = DEFAULTS,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    huddles: HuddleRule | None = None,
    resampling: Resampling | None = None,
    on_tile: OnTile | None = None,
    on_view: OnView | None = None,
    say: Callable[[str], None] = _LOG.warning,
    on_result: Callable[[Result], None] | None = None,
    one_class: bool = False,
    **changes: Unpack[OptionChanges],
) -> Evaluation:
    """COCO metrics of `predictor` on the images of `index`.

    `changes` are fields of `options`. Without a score in them, objects count from the network's
    own test threshold on. At most `max_dets` objects of an image count: in suppression, in the cap
    and in the scoring; by default as many as the network gives an image, or as its tiles have.
    `limit` takes the first images only. `progress` is called with the number of finished images,
    and of all, `on_result` with the result of each; `on_tile`, `on_view` and `say` are those of
    `Predictor.outcomes`. Classes are matched by name; with `one_class` all detections are of the
    one class of `index` (`as_one_class`), and those of several classes suppress each other.
    The numbers on counting are at the score `predictor.shown_from` and at the best one. With
    `huddles` there are also numbers by overlap of objects, with `resampling` those of resamples of
    the images.

    Raises:
        DataError: D13 when the model lacks a class of the data, D11 when there is no image, D01 or
            D02 when one is missing or unreadable, D10 when one has another size than in the data,
            D09 when huddles are found by masks and an object has none.
        UsageError: U02 for an unknown option, U03 for a value that cannot be used.
    """
    options = for_scoring(predictor, options.with_(**changes))
    classes: Sequence[Category] = predictor.classes
    if one_class:
        options = options.with_(agnostic=True)
        ids, classes = _as_one(predictor.classes, index), index.classes
    else:
        ids = match_classes(predictor.classes, index)
    records = index.images[:limit]
    if not records:
        raise DataError("D11", f"{index.path}: there are no images to evaluate.")
    truth = truth_of(index)
    if huddles is not None:
        find_huddles(truth, huddles)  # raises before the work, not after it
    started = time.perf_counter()
    detections: list[dict[str, Any]] = []
    paths = (record.path for record in records)
    most = options.max_dets or predictor.config.cascade.select.max_detections
    told: Any = {"on_tile": on_tile, "on_view": on_view, "say": say}
    with closing(predictor.outcomes(paths, options, **told)) as outcomes:
        for done, (record, result) in enumerate(zip(records, outcomes, strict=True), start=1):
            if isinstance(result, Unreadable):
                raise result.error
            most = most if options.max_dets else max(most, len(result))
            check_size(record.path, result.size, index.path, (record.height, record.width))
            rows = result.to_coco(record.id)
            detections.extend([_renamed(row, ids) for row in rows] if one_class else rows)
            if on_result is not None:
                on_result(result)
            if progress is not None:
                progress(done, len(records))
    seconds = time.perf_counter() - started
    iou_types: Sequence[IouType] = ("bbox", "segm") if predictor.config.cascade.masks else ("bbox",)
    metrics = evaluate_coco(
        truth,
        detections,
        max_dets=most,
        iou_types=iou_types,
        classes=classes,
        image_ids=None if limit is None else [record.id for record in records],
        count_from=predictor.shown_from,
        huddles=huddles,
        resampling=resampling,
    )
    if one_class:
        predictions = detections
    else:
        predictions = [_renamed(row, ids) for row in detections if row["category_id"] in ids]
    return Evaluation(metrics, predictions, len(records) / seconds, truth)


def _as_one(classes: Sequence[Category], index: CocoIndex) -> Mapping[int, int]:
    """Category id of the model -> that of the only class of `index`.

    Raises:
        DataError: D13 when `index` has not one class.
    """
    if len(index.classes) != 1:
        raise DataError(
            "D13",
            f"{index.path}: {len(index.classes)} classes, and one is to be scored. Give all "
            "objects one class first: relook.data.class_names.as_one_class.",
        )
    return {category.id: index.classes[0].id for category in classes}


def _renamed(row: dict[str, Any], ids: Mapping[int, int]) -> dict[str, Any]:
    return {**row, "category_id": ids[row["category_id"]]}


def for_scoring(predictor: Predictor, options: PredictOptions) -> PredictOptions:
    """`options` with the network's own test threshold, unless they have a score."""
    return options if options.score is not None else replace(options, score=predictor.test_score)


def match_classes(classes: Sequence[Category], index: CocoIndex) -> Mapping[int, int]:
    """Category id of the model -> category id of `index`, for the names that both have.

    A class that only the model has is left out, because the data has no truth for it.

    Raises:
        DataError: D13 when `index` has objects of a class that the model lacks, when no class is
            common, or when two classes have one name.
    """
    of_model, of_data = [c.name for c in classes], [c.name for c in index.classes]
    lists = f"The model has: {_listed(of_model)}. The file has: {_listed(of_data)}."
    twice = [name for name, n in (Counter(of_model) | Counter(of_data)).items() if n > 1]
    if twice:
        raise DataError(
            "D13",
            f"{index.path}: classes are matched by name, but {_listed(twice)} is there twice. "
            f"{lists} Rename one.",
        )
    counted = zip(of_data, index.class_counts(), strict=True)
    unknown = [name for name, count in counted if count and name not in of_model]
    by_name = {c.name: c.id for c in index.classes}
    common = {c.id: by_name[c.name] for c in classes if c.name in by_name}
    if unknown or not common:
        raise DataError(
            "D13",
            f"{index.path}: the model was not trained on {_listed(unknown or of_data)}, so every "
            f"object of it would count as missed. {lists} If a class is the same under another "
            f"name: --map {_example(unknown or of_data, of_model)}. To score without regard to "
            "classes: --one-class. Else rename these categories in the file, or remove them.",
        )
    return common


def _example(theirs: Sequence[str], ours: Sequence[str]) -> str:
    """A value of ``--map``, of names in the shell's spelling."""
    text = f"{theirs[0] if theirs else 'THEIRS'}={ours[0] if ours else 'OURS'}"
    return shlex.quote(text)


def check_size(
    image: Path, size: tuple[int, int], json_path: Path, json_size: tuple[int, int]
) -> None:
    """Raise `DataError` D10 unless an image has the (height, width) of the json file."""
    if size != json_size:
        raise DataError(
            "D10",
            f"{image}: the image has {size[1]}x{size[0]} pixels, but {json_path} says "
            f"{json_size[1]}x{json_size[0]}, so its annotations are elsewhere. Put the right "
            "image there, or correct the file.",
        )


def _listed(names: Sequence[str], limit: int = 20) -> str:
    return ", ".join(names[:limit]) + (
        f" and {len(names) - limit} more" if len(names) > limit else ""
    )
