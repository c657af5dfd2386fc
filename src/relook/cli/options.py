"""Options that several commands share, so that they are spelled and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    Path,
    typer.Option("--model", "-m", metavar="RUN_OR_FILE", help="Run folder or .safetensors file."),
]
MaxDets = Annotated[
    int | None,
    typer.Option(
        "--max-dets", min=1, help="Most objects in an image. [default: what the model has]"
    ),
]
ImageSize = Annotated[
    tuple[int, int] | None,
    typer.Option(
        "--size",
        metavar="LONG SHORT",
        help="Sides in pixels that images are scaled to fit. [default: as the model was trained]",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Images at a time.")]
