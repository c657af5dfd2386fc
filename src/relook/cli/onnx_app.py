"""The command line of relook-onnx: prediction from ONNX files, without PyTorch."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .._version import __version__
from ..edition import warning
from .errors import INTERRUPTED, CommandGroup
from .predict import predict
from .terminal import say

app = typer.Typer(
    name="relook",
    cls=CommandGroup,
    help="Objects in images, found by ONNX files that `relook export` writes. This is relook-onnx; "
    "training, evaluation and exports are in the package relook.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict")(predict)


def _show_version(value: bool) -> None:
    if value:
        say(f"relook-onnx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="RELOOK_DEBUG", help="Show where in the code an error arose."
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; does not return."""
    problem = warning()
    if problem is not None:
        say(problem, err=True)
    try:
        app()
    except KeyboardInterrupt:  # before a command has begun; `CommandGroup` handles it in one
        sys.exit(INTERRUPTED)
