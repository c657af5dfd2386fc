"""``relook demo``: predict, fine-tune, evaluate and draw on real images, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .progress import notices


def demo(
    minutes: Annotated[float, typer.Option(help="Minutes for everything.")] = 10.0,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with nuclei/ and mushrooms/. [default: datasets]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="[default: runs/demo, numbered]"),
    ] = None,
) -> None:
    """Find nuclei with the model that comes along, then teach it mushrooms; numbers, pictures."""
    if not minutes > 0:
        raise UsageError("U03", f"--minutes must be above 0, got {minutes:g}")
    from ..demo.run import run_demo

    result = run_demo(minutes, notices(), data=data, out=out)
    typer.echo(result.table())
