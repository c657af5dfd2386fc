"""Options that several commands share, with one spelling and one help text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ..weights.shipped import SHIPPED


def _allow_packages(context: typer.Context, packages: list[str] | None) -> list[str] | None:
    """Allow the packages while the command runs."""
    if packages:
        from ..config.plugins import allowing

        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.append(here)  # last, so that it hides nothing
        context.with_resource(allowing(packages))
    return packages


MODEL_HELP: Final = (
    "Run folder, .safetensors or .onnx file, or a model that comes with relook: "
    f"{', '.join(SHIPPED)}."
)

Model = Annotated[Path, typer.Option("--model", "-m", metavar="MODEL", help=MODEL_HELP)]
MaxDets = Annotated[
    int | None,
    typer.Option(
        "--max-dets",
        min=1,
        help="Most objects in an image; above the model's own cap, its number of proposals is "
        "raised too. [default: the model's]",
    ),
]
ImageSize = Annotated[
    tuple[int, int] | None,
    typer.Option(
        "--size",
        metavar="LONG SHORT",
        help="Sides in pixels that images are scaled to fit. [default: the model's]",
    ),
]
Diameter = Annotated[
    str | None,
    typer.Option(
        "--diameter",
        metavar="PIXELS",
        help="Pixels across an object in the image: scales the image so that such objects are as "
        "large as those the model was trained on. auto: as a first look finds them. In place of "
        "--size.",
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="auto (CUDA or CPU), cpu, cuda, cuda:N or mps.")
]
Fast = Annotated[
    Literal["on", "off"],
    typer.Option(
        "--fast",
        help="off: the plain form of every operation; `relook doctor` lists the fast ones.",
    ),
]
Precision = Annotated[
    Literal["fp32", "bf16", "fp16"],
    typer.Option(
        "--precision",
        help="Of features and hidden layers. bf16: less time on processors with instructions for "
        "it and on GPUs, results that differ a little; fp16: on GPUs.",
    ),
]
Batch = Annotated[
    int, typer.Option("--batch", min=1, help="Images at a time; with --tta it is always one.")
]
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
        callback=_allow_packages,
        help="Allow the model or its configuration to name parts of this package, which is then "
        "imported and run; also searched in the current folder. Can be repeated.",
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
Agnostic = Annotated[
    bool,
    typer.Option(
        "--agnostic",
        help="Let objects of all classes suppress each other: one object is then not found once "
        "for each of several classes.",
    ),
]
Stages = Annotated[
    int | None,
    typer.Option("--stages", min=1, metavar="N", help="Stop after the first N stages."),
]
