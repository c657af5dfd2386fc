"""The command line: its commands, and the handling of their errors.

Modules of commands import nothing heavy at their top, so that ``relook --help`` is fast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Final

import typer

from .ablate import ablate
from .app_page import app_page
from .compare import compare
from .data import data
from .doctor import doctor
from .evaluate import evaluate
from .explain import explain
from .export import export
from .models import models
from .new_part import new_part
from .predict import predict
from .program import new_program, run
from .serve import serve
from .show import show
from .train import train
from .weights import weights

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "train": train,
    "eval": evaluate,
    "predict": predict,
    "ablate": ablate,
    "compare": compare,
    "models": models,
    "serve": serve,
    "app": app_page,
    "show": show,
    "export": export,
    "new-part": new_part,
    "doctor": doctor,
}
_GROUPS: Final[dict[str, typer.Typer]] = {"weights": weights, "data": data, "explain": explain}


def command_line(names: Collection[str] = (*_COMMANDS, *_GROUPS)) -> typer.Typer:
    """The command line with the commands `names`."""
    made = new_program(
        "relook", "Object detection and instance segmentation that looks at an image twice."
    )
    for name in names:
        if name in _GROUPS:
            made.add_typer(_GROUPS[name], name=name)
        else:
            made.command(name)(_COMMANDS[name])
    return made


app = command_line()


def main() -> None:
    """Run the command line; does not return.

    Of several commands only the one that is named is made, since making all takes longer than some
    of them.
    """
    named = next((text for text in sys.argv[1:] if not text.startswith("-")), None)
    is_known = named in _COMMANDS or named in _GROUPS
    run(command_line([named]) if named is not None and is_known else app)
