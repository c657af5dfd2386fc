"""``relook eval --task panoptic``: the quality of panoptic maps, of a model or in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..errors import RelookError, UsageError, counted
from ..model_files import find_model
from .evaluation_run import Remarks, reading_by_header
from .progress import notices, progress_bar, view_progress
from .terminal import say

if TYPE_CHECKING:
    from ..data.panoptic.reader import PanopticIndex
    from ..inference.options import PredictOptions

_RESULTS: Final = ".json"  # suffix of results, which are no model


def evaluate_panoptic(
    model: Path,
    truth: tuple[Path, Path],
    folder: Path,
    options: PredictOptions,
    *,
    how: Mapping[str, Any],
    frame: Literal["stored", "upright"] | None = None,
    limit: int | None = None,
) -> None:
    """Score a model, or the panoptic json that `model` is, against `truth`: json and images, the
    first `limit` of them.

    `how` are the arguments of `relook.load`.

    Raises:
        UsageError: U04 for options about a model where `model` is a json.
        RelookError: R01 when interrupted; other codes for input that cannot be used.
    """
    from ..data.panoptic.reader import read_panoptic
    from ..evaluation.conditions import conditions
    from ..evaluation.panoptic.table import panoptic_table

    read = partial(read_panoptic, *truth, frame=frame)
    of_data = {"limit": limit, "frame": frame}
    if model.suffix.lower() == _RESULTS:
        refuse_beside_results(model, options, how)
        from ..evaluation.panoptic.run import evaluate_panoptic_files

        of_all = read(reading=options.reading)
        scores = evaluate_panoptic_files(of_all, model, limit=limit)
        of_file = {"results": str(model), "reading": options.reading.record(), **of_data}
        _save(folder, {"panoptic": scores.to_json(), "conditions": of_file})
        say(f"{panoptic_table(scores)}\n\n{_measured(of_all, of_all.first(limit))}")
        return

    from ..api import load
    from ..data.panoptic.writer import PanopticWriter
    from ..evaluation.files import save_predictions
    from ..evaluation.panoptic.model import evaluate_panoptic_model

    console = notices()
    path = find_model(model)
    # Annotations are read before the weights where they can be: what is wrong is told at once.
    stored = reading_by_header(path, options)
    known = stored and read(reading=stored)
    predictor = load(path, **how)
    of_all = known or read(reading=predictor.reading(options))
    index = of_all.first(limit)
    remarks = Remarks(console, predictor.shown_from)
    writer = PanopticWriter(folder / "panoptic.json", index.categories)
    try:
        with progress_bar(console) as bar:
            task = bar.add_task("images", total=len(index.images))
            outcome = evaluate_panoptic_model(
                predictor,
                index,
                writer,
                options,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                on_view=view_progress(bar),
                say=console.print,
                on_result=remarks.add,
            )
    except KeyboardInterrupt:
        raise RelookError("R01", "interrupted; numbers of a part would mislead.") from None
    remarks.finish()
    used = conditions(model, predictor, options, max_dets=outcome.metrics.max_dets, **of_data)
    numbers = {"panoptic": outcome.scores.to_json(), "objects": outcome.metrics.to_json()}
    _save(folder, {**numbers, "conditions": used})
    save_predictions(folder / "predictions.json", outcome.predictions)
    table, measured = panoptic_table(outcome.scores), _measured(of_all, index)
    say(f"{table}\n\n{measured}\n\n{outcome.metrics.table()}")
    console.print(
        f"{outcome.images_per_second:.2f} images/s on {predictor.device}; metrics.json, "
        f"panoptic.json with its maps, and predictions.json are in {folder}"
    )


def _measured(of_all: PanopticIndex, index: PanopticIndex) -> str:
    """Sentence on the images that the numbers are of."""
    images, all_images = len(index.images), len(of_all.images)
    if images == all_images:
        return f"Of {counted(images, 'image')} of {index.path.name}."
    return (
        f"Of the first {counted(images, 'image')} of {index.path.name}, which has {all_images} "
        "(--limit): not comparable with numbers of all."
    )


def refuse_beside_panoptic(**options: object) -> None:
    """Refuse options that apply to objects only.

    Raises:
        UsageError: U04 when one is set.
    """
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if named:
        raise UsageError("U04", f"--task panoptic cannot be combined with {', '.join(named)}.")


def refuse_beside_results(results: Path, options: PredictOptions, how: Mapping[str, Any]) -> None:
    """Refuse options about a model, or about the pixels of images, beside results in a file.

    Raises:
        UsageError: U04 when one is set.
    """
    panoptic = None if options.panoptic is None else options.panoptic.record()
    reading = options.reading
    set_options = {
        "--size": options.size,
        "--diameter": options.diameter,
        "--tile": options.tile,
        "--max-dets": options.max_dets,
        "--tta": options.tta,
        "--agnostic": options.agnostic,
        "--batch": options.batch_size > 1,
        "--device": how["device"] != "auto",
        "--fast": not how["fast"],
        "--precision": how["precision"] != "fp32",
        "--rule": panoptic and panoptic["rule"],
        "--stuff-labels": panoptic and panoptic["labels"],
        "--stuff-maps": panoptic and panoptic["maps"],
        "--channels": reading.channels,
        "--intensities": reading.intensities,
    }
    named = [name for name, value in set_options.items() if value]
    if named:
        raise UsageError(
            "U04",
            f"{results} has results already, so that no model sees the images: "
            f"{', '.join(named)} would change nothing. Leave out what is about a model, or give "
            "one in place of the json.",
        )


def _save(folder: Path, content: dict[str, Any]) -> None:
    from ..runtime.files import write_text

    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / "metrics.json", text + "\n")
