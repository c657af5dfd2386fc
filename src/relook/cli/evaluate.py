"""``relook eval``: the COCO numbers of a model on annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import RelookError
from .options import Batch, Device, ImageSize, MaxDets
from .progress import notices, progress_bar


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="RUN_OR_FILE", help="Run folder or .safetensors file.")
    ],
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
            help="Folder for metrics.json and predictions.json. [default: eval/NAME beside the "
            "model, NAME being that of the json file]",
        ),
    ] = None,
    size: ImageSize = None,
    device: Device = "auto",
    batch: Batch = 1,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Evaluate the first N images only.")
    ] = None,
) -> None:
    """Say how good a model is: average precision and recall for boxes and masks."""
    from ..api import load
    from ..data.coco import read_coco
    from ..evaluation.run import evaluate_model

    console = notices()
    predictor = load(model, device=device)
    index = read_coco(annotations, images)
    folder = out or (model if model.is_dir() else model.parent) / "eval" / annotations.stem
    with progress_bar(console) as bar:
        task = bar.add_task("images", total=len(index.images))
        try:
            outcome = evaluate_model(
                predictor,
                index,
                max_dets=max_dets,
                size=size,
                batch_size=batch,
                limit=limit,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except KeyboardInterrupt:
            raise RelookError("R01", "interrupted; numbers of a part would mislead.") from None
    from ..evaluation.files import save_metrics, save_predictions

    save_metrics(folder / "metrics.json", outcome.metrics)
    save_predictions(folder / "predictions.json", outcome.predictions)
    typer.echo(outcome.metrics.table())
    console.print(
        f"{outcome.images_per_second:.2f} images/s on {predictor.device}; metrics.json and "
        f"predictions.json are in {folder}"
    )
