"""``relook new-part``: a part of one's own to begin with, as a file that trains as it stands."""

from __future__ import annotations

import keyword
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ..errors import UsageError
from .terminal import say

Kind = Literal["neck", "conv", "head", "cascade"]
PLACES: Final[dict[str, str]] = {
    "neck": "neck",
    "conv": "conv3x3",
    "head": "box_head",
    "cascade": "cascade",
}
"""The field of `PartsConfig` of each kind."""
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def new_part(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="neck, conv, head or cascade.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the class, as in MyNeck.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="File to write; by default my_neck.py."),
    ] = None,
) -> None:
    """Write a file with a neck, convolution, box head or cascade of your own to begin with.

    It trains as it stands. The lines that use it are printed. An existing file is not changed.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError("U03", f"{name!r} is no name of a class in Python; try MyNeck.")
    path = out or Path(f"{_WORDS.sub('_', name).lower()}.py")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise UsageError("U03", f"{path}: a module of Python is called like my_neck.py.")
    text = skeleton(kind).replace("NewPart", name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            "U04", f"{path} is there already, and is left as it is. Choose another --out."
        ) from None
    except OSError as error:
        raise UsageError("U03", f"{path} cannot be written ({error.strerror}).") from None
    say(f"{path} has {name}, which trains as it stands. In a configuration file, mine.yaml:\n")
    say(configuration(kind, f"{path.stem}:{name}"))
    say(
        f"Then, in the folder of {path.name}:\n\n"
        f"    relook show mine.yaml --allow {path.stem}\n"
        f"    relook train DATA --config mine.yaml --allow {path.stem}\n\n"
        "Results of wrong shapes end with M08, the name of the part and the shape that was due."
    )


def skeleton(kind: str) -> str:
    """The text of the file of a kind; its class is called NewPart."""
    return (resources.files("relook.cli.skeletons") / f"{kind}.py").read_text(encoding="utf-8")


def configuration(kind: str, target: str) -> str:
    """A configuration that has the part, as YAML."""
    preset = "detectors-cascade-tiny" if kind == "cascade" else "htc-tiny"
    return f'model:\n  preset: {preset}\n  parts:\n    {PLACES[kind]}: {{target: "{target}"}}\n'
