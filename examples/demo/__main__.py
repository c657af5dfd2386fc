"""``python -m examples.demo``: predict, fine-tune, evaluate and draw on real images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from relook.cli.errors import CommandGroup
from relook.cli.progress import notices
from relook.errors import UsageError

app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
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
    began = time.monotonic()  # before the imports, which take their time too
    from .run import run_demo

    result = run_demo(minutes, notices(), data=data, out=out, began=began)
    typer.echo(result.table())


if __name__ == "__main__":
    app()
