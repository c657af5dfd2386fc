"""``relook eval --task panoptic``: the quality of panoptic maps, of a model or in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..errors import RelookError, UsageError, counted
from .progress import notices, progress_bar
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
        RelookError: R01 when interrupted; other codes for input that cannot be used.
    """
    from ..data.panoptic.reader import read_panoptic
    from ..evaluation.panoptic.table import panoptic_table

    of_all = read_panoptic(*truth, frame=frame)
    index = of_all.first(limit)
    measured = _measured(of_all, index)
    if model.suffix.lower() == _RESULTS:
        from ..evaluation.panoptic.run import evaluate_panoptic_files

        scores = evaluate_panoptic_files(of_all, model, limit=limit)
        _save(folder, {"panoptic": scores.to_json()})
        say(f"{panoptic_table(scores)}\n\n{measured}")
        return

    from ..api import load
    from ..data.panoptic.writer import PanopticWriter
    from ..evaluation.files import save_predictions
    from ..evaluation.panoptic.model import evaluate_panoptic_model

    console = notices()
    predictor = load(model, **how)
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
            )
    except KeyboardInterrupt:
        raise RelookError("R01", "interrupted; numbers of a part would mislead.") from None
    content = {"panoptic": outcome.scores.to_json(), "objects": outcome.metrics.to_json()}
    _save(folder, content)
    save_predictions(folder / "predictions.json", outcome.predictions)
    say(f"{panoptic_table(outcome.scores)}\n\n{measured}\n\n{outcome.metrics.table()}")
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


def _save(folder: Path, content: dict[str, Any]) -> None:
    from ..runtime.files import write_text

    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / "metrics.json", text + "\n")
