"""``relook demo``: train, evaluate and draw on real images, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .progress import notices


def demo(
    minutes: Annotated[float, typer.Option(help="Minutes of training.")] = 8.0,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the nuclei. [default: datasets/nuclei]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="[default: runs/demo/NAME, numbered]"),
    ] = None,
) -> None:
    """Train a small model on microscope images, evaluate it and draw what it finds."""
    if not minutes > 0:
        raise UsageError("U03", f"--minutes must be above 0, got {minutes:g}")
    from ..demo.nuclei import run_demo

    result = run_demo(minutes, notices(), data=data, out=out)
    typer.echo(result.table())
