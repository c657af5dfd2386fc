"""Options that say how classes of data and of a model belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import UsageError, first_few

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.coco.records import CocoIndex
    from ..inference.predictor import Predictor

_PANEL: Final = "Classes"

OneClass = Annotated[
    bool,
    typer.Option(
        "--one-class",
        help="Take all objects as of one class, whatever their names.",
        rich_help_panel=_PANEL,
    ),
]
ClassMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="THEIRS=OURS",
        help="The class THEIRS of the data is the class OURS of the model. Can be repeated.",
        rich_help_panel=_PANEL,
    ),
]
ClassName = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="NAME",
        help="Class of all objects of DATA in a format that names no classes, such as label "
        "images. [default: object]",
        rich_help_panel=_PANEL,
    ),
]


def class_map(texts: Sequence[str] | None) -> dict[str, str]:
    """Names of the model by names of the data, from texts such as ``particle=nucleus``.

    Raises:
        UsageError: U03 for a text without two names, U04 for a name that gets two.
    """
    names: dict[str, str] = {}
    for text in texts or ():
        theirs, equals, ours = (part.strip() for part in text.partition("="))
        if not equals or not theirs or not ours:
            raise UsageError(
                "U03", f"--map {text!r}: expected THEIRS=OURS, as in --map particle=nucleus"
            )
        if names.setdefault(theirs, ours) != ours:
            raise UsageError("U04", f"--map: {theirs} is said to be {names[theirs]} and {ours}.")
    return names


def check_class_options(names: dict[str, str], *, one_class: bool) -> None:
    """Refuse names beside a single class.

    Raises:
        UsageError: U04 for both.
    """
    if one_class and names:
        raise UsageError(
            "U04", "--one-class takes all classes as one, so --map has nothing to say. Choose one."
        )


def with_classes(
    index: CocoIndex,
    names: dict[str, str],
    one_class: bool,
    predictor: Predictor,
    console: Console,
) -> CocoIndex:
    """`index` with the classes that the options ask for, which is said.

    Raises:
        UsageError: U01 for a name that no class of `index` has.
    """
    from ..data.class_names import as_one_class, renamed

    if one_class:
        of_model = first_few((category.name for category in predictor.classes), 5)
        console.print(
            f"one class: all objects of {index.path.name} and all that is found ({of_model}) count "
            "as of one class"
        )
        return as_one_class(index)
    for theirs, ours in names.items():
        console.print(f"classes: {theirs} of {index.path.name} counts as {ours}")
    return renamed(index, names)
