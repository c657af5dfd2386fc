"""``relook eval``: the COCO numbers of a model on annotated images, and its counting errors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import RelookError, UsageError
from ..model_files import find_model, name_of
from ..structures.rules.reading import DEFAULT_READING, Reading
from .annotation_options import takes_leniency
from .class_options import ClassMap, OneClass, check_class_options, class_map, with_classes
from .evaluate_panoptic import evaluate_panoptic, refuse_beside_panoptic
from .evaluation_run import (
    evaluated,
    print_difference,
    reading_by_header,
    write_images_and_report,
    write_numbers,
)
from .keeping import check_keeping, store_threshold
from .options import (
    MODEL_HELP,
    Agnostic,
    Allow,
    Batch,
    Device,
    Diameter,
    Fast,
    ImageSize,
    MaxDets,
    Precision,
    Tile,
    Tta,
)
from .panoptic_options import Rule, StuffLabelsOption, StuffMaps, Task, panoptic_request
from .progress import notices
from .reading_options import FrameOption, takes_reading
from .submission import refuse_beside_submission, submit

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.coco.records import CocoIndex
    from ..evaluation.run import Evaluation
    from ..inference.options import PredictOptions
    from ..inference.predictor import Predictor


@takes_leniency
@takes_reading
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    annotations: Annotated[
        Path, typer.Option("--json", metavar="FILE", help="COCO instance file with the truth.")
    ],
    images: Annotated[Path, typer.Option(metavar="DIR", help="Folder of its images.")],
    max_dets: MaxDets = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for metrics.json, predictions.json, images.csv (a row an image, worst "
            "first) and the report. [default: eval/NAME beside the model, or here for one that "
            "comes with relook; NAME is that of the json file]",
        ),
    ] = None,
    size: ImageSize = None,
    diameter: Diameter = None,
    tile: Tile = None,
    device: Device = "auto",
    fast: Fast = "on",
    precision: Precision = "fp32",
    tta: Tta = None,
    agnostic: Agnostic = False,
    mapped: ClassMap = None,
    one_class: OneClass = False,
    batch: Batch = 1,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Evaluate the first N images only.")
    ] = None,
    keep_threshold: Annotated[
        bool,
        typer.Option(
            "--keep-threshold",
            help="Store the score threshold of the best F1 in the model file, for predict to use. "
            "Numbers of these images at this threshold are slightly optimistic, because it was "
            "chosen on them.",
        ),
    ] = False,
    by: Annotated[
        Literal["huddle"] | None,
        typer.Option(
            "--by", help="huddle: the numbers by how much objects overlap, for images and objects."
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER", help="With --by: also print the numbers of MODEL minus those of OTHER."
        ),
    ] = None,
    huddle_overlap: Annotated[
        Literal["iou", "ioa", "mask"],
        typer.Option(
            help="IoU of boxes, their intersection over the object's own box, or IoU of masks."
        ),
    ] = "iou",
    huddle_same_class: Annotated[
        bool, typer.Option("--huddle-same-class", help="Only objects of one class huddle.")
    ] = False,
    submission: Annotated[
        bool,
        typer.Option(
            "--submission",
            help="Write zips for a test server that has the truth, instead of numbers: the "
            "--json file needs images and categories only, at most 100 objects in an image.",
        ),
    ] = False,
    report: Annotated[
        bool | None,
        typer.Option(
            "--report/--no-report",
            help="Also write report.html with tables, and pictures of the best, worst and missed. "
            "[default: yes; there is none of panoptic maps, and none of a submission]",
        ),
    ] = None,
    task: Task = "instances",
    rule: Rule = None,
    stuff_labels: StuffLabelsOption = None,
    stuff_maps: StuffMaps = None,
    reading: Reading = DEFAULT_READING,
    frame: FrameOption = None,
    leniency: Leniency = STRICT,
    _allow: Allow = None,
) -> None:
    """Evaluate a model: average precision and recall for boxes and masks, F1 and the error of the
    count of objects. With --task panoptic: panoptic quality; MODEL can then also be the panoptic
    json of results."""
    from ..api import load
    from ..evaluation.crowding.rule import HuddleRule
    from ..inference.options import PredictOptions

    panoptic = panoptic_request(task, rule, stuff_labels, stuff_maps)
    options = PredictOptions().with_(
        size=size,
        diameter=diameter,
        max_dets=max_dets,
        batch_size=batch,
        tta=tta,
        panoptic=panoptic,
        reading=reading,
        tile=tile,
        agnostic=agnostic,
    )
    how: dict[str, Any] = {"device": device, "fast": fast == "on", "precision": precision}
    names = class_map(mapped)
    check_class_options(names, one_class=one_class)
    folder = out or (model if model.is_dir() else model.parent) / "eval" / annotations.stem
    alone: dict[str, object] = {
        "keep_threshold": keep_threshold,
        "by": by,
        "map": mapped,
        "one_class": one_class,
    }
    if panoptic is not None:
        refuse_beside_panoptic(
            **alone,
            submission=submission,
            compare=compare,
            huddle_overlap=huddle_overlap != "iou",
            huddle_same_class=huddle_same_class,
            report=report,
            **leniency.changed(),
        )
        evaluate_panoptic(
            model, (annotations, images), folder, options, how=how, frame=frame, limit=limit
        )
        return
    if submission:
        refuse_beside_submission(**alone, limit=limit, compare=compare, report=report)
    _check_huddles(by, compare, huddle_overlap != "iou" or huddle_same_class)
    console = notices()
    path = find_model(model)
    if keep_threshold:
        check_keeping(path, limit)
    other = None if compare is None else find_model(compare)
    read: Any = {"frame": frame, "leniency": leniency}
    # Annotations are read before the weights where they can be: what is wrong is told at once.
    stored = None if submission else reading_by_header(path, options)
    index = stored and _read(annotations, images, console, reading=stored, **read)
    predictor = load(path, **how)
    if submission:
        submit(predictor, path, (annotations, images), folder, options, **read)
        return
    other_predictor = None if other is None else load(other, **how)
    index = index or _read(annotations, images, console, reading=predictor.reading(options), **read)
    huddles = HuddleRule(huddle_overlap, huddle_same_class) if by else None
    index = with_classes(index, names, one_class, predictor, console)

    def run(scored: Predictor, options: PredictOptions) -> Evaluation:
        return evaluated(scored, index, options, console, limit, huddles, one_class)

    try:
        outcome = run(predictor, options)
        same_limit = options.with_(max_dets=outcome.metrics.max_dets)
        rival = None if other_predictor is None else run(other_predictor, same_limit).metrics
    except KeyboardInterrupt:
        raise RelookError("R01", "interrupted; numbers of a part would mislead.") from None
    from ..evaluation.conditions import conditions

    used = conditions(
        model,
        predictor,
        options.with_(agnostic=agnostic or one_class),
        max_dets=outcome.metrics.max_dets,
        limit=limit,
        frame=frame,
        map=names,
        one_class=one_class,
        leniency=leniency.changed(),
        huddles=None if huddles is None else asdict(huddles),
    )
    write_numbers(folder, outcome, used)
    if compare is not None and rival is not None:
        print_difference(folder, compare, outcome.metrics, rival)
    title = predictor.config.parts.beside(name_of(path)) + f" on {annotations.stem}"
    write_images_and_report(
        folder,
        None if report is False else title,
        index,
        outcome,
        predictor.shown_from,
        limit,
        console,
    )
    console.print(
        f"{outcome.images_per_second:.2f} images/s on {predictor.device}; metrics.json, images.csv "
        f"and predictions.json are in {folder}"
    )
    if keep_threshold:
        console.print(store_threshold(path, predictor.shown_from, outcome.metrics))


def _read(annotations: Path, images: Path, console: Console, **options: Any) -> CocoIndex:
    """The annotations, with lines on what was left out of them or changed."""
    from ..data.coco.reader import read_coco

    index = read_coco(annotations, images, **options)
    for line in index.notes():
        console.print(line, markup=False, soft_wrap=True)
    return index


def _check_huddles(by: str | None, compare: Path | None, is_ruled: bool) -> None:
    if by is None and (compare is not None or is_ruled):
        raise UsageError(
            "U04",
            "--compare and --huddle-... are about the numbers by overlap, which are not computed. "
            "Add --by huddle.",
        )
