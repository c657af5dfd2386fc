"""Options that several commands share, so that they are spelled and explained alike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ..weights.shipped import SHIPPED


def _let(context: typer.Context, packages: list[str] | None) -> list[str] | None:
    """Allow the packages while the command runs."""
    if packages:
        from ..config.plugins import allowing

        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.append(here)  # last, so that it hides nothing
        context.with_resource(allowing(packages))
    return packages


MODEL_HELP: Final = (
    f"Run folder, .safetensors file, or a model that comes with relook: {', '.join(SHIPPED)}."
)

Model = Annotated[Path, typer.Option("--model", "-m", metavar="MODEL", help=MODEL_HELP)]
MaxDets = Annotated[
    int | None,
    typer.Option(
        "--max-dets",
        min=1,
        help="Most objects in an image; above the model's own cap, its number of proposals is "
        "raised too. [default: what the model has]",
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
Device = Annotated[
    str, typer.Option("--device", help="auto (CUDA or CPU), cpu, cuda, cuda:N or mps.")
]
Fast = Annotated[
    Literal["on", "off"],
    typer.Option(
        "--fast", help="off: the plain way of every operation; `relook doctor` lists the others."
    ),
]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Images at a time.")]
Tta = Annotated[
    str | None,
    typer.Option(
        "--tta",
        metavar="VIEWS",
        help="Test-time augmentation: flip,scales=800:1000:1200 (shorter sides in pixels), "
        "merge=union or average, suppression=nms or soft_nms; any of it, with commas between.",
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="PACKAGE",
        callback=_let,
        help="Let the model or its configuration name parts of this package, which is then "
        "imported and runs; looked for in the current folder too. Can be repeated.",
    ),
]
Tile = Annotated[
    str | None,
    typer.Option(
        "--tile",
        metavar="auto|N|off",
        help="Cut images into tiles N pixels wide and join objects across their seams; auto: where "
        "an image is too large for the model. [default: auto]",
    ),
]
Stages = Annotated[
    int | None,
    typer.Option("--stages", min=1, metavar="N", help="Stop after the first N stages."),
]
