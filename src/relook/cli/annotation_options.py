"""Options that say how annotation files are read, shared by the commands that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

if TYPE_CHECKING:
    from ..data.coco.leniency import Leniency

_PANEL: Final = "Annotation files"

Boxes = Annotated[
    Literal["as-written", "from-masks"],
    typer.Option(
        "--boxes",
        help="Boxes as the file has them, or around the masks.",
        rich_help_panel=_PANEL,
    ),
]
Crowd = Annotated[
    Literal["as-crowd", "as-objects"],
    typer.Option(
        "--crowd",
        help="What is marked iscrowd: regions that are not learned, or objects as all others. "
        "CVAT marks every mask.",
        rich_help_panel=_PANEL,
    ),
]
Match = Annotated[
    Literal["exact", "basename"],
    typer.Option(
        "--match",
        help="Find images by their path in the folder, or by the last part of the name where only "
        "one file has it.",
        rich_help_panel=_PANEL,
    ),
]
IgnoreUnknown = Annotated[
    bool,
    typer.Option(
        "--ignore-unknown",
        help="Leave out and count objects of unknown categories.",
        rich_help_panel=_PANEL,
    ),
]
Duplicates = Annotated[
    Literal["keep", "drop"],
    typer.Option(
        "--duplicates",
        help="Equal masks of a class in an image: keep them all, or the first.",
        rich_help_panel=_PANEL,
    ),
]
SkipMissing = Annotated[
    bool,
    typer.Option(
        "--skip-missing",
        help="Leave out and count images whose files are not there.",
        rich_help_panel=_PANEL,
    ),
]
KeepRoot = Annotated[
    bool,
    typer.Option(
        "--keep-root",
        help="Keep a category without objects that only names the others, as Roboflow writes it.",
        rich_help_panel=_PANEL,
    ),
]


def leniency_of(arguments: Mapping[str, Any]) -> Leniency:
    """The choices of the options above among the `arguments` of a command, by their names."""
    from ..data.coco.leniency import Leniency

    known = {field.name for field in fields(Leniency)}
    return Leniency(**{name: value for name, value in arguments.items() if name in known})


def leniency_changes(leniency: Leniency) -> dict[str, Any]:
    """Fields of the settings' data that a training changes for `leniency`."""
    changed = leniency.changed()
    return {"leniency": changed} if changed else {}
