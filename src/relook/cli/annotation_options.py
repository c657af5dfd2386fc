"""Options that say how annotation files are read, shared by the commands that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_type_hints

import typer

from ..data.coco.leniency import STRICT, Leniency
from .option_groups import Option, takes

_PANEL: Final = "Annotation files"
_HELP: Final[Mapping[str, str]] = {
    "boxes": "Boxes as the file has them, or around the masks.",
    "crowd": "What is marked iscrowd: regions that are not learned, or objects as all others. "
    "CVAT marks every mask.",
    "match": "Find images by their path in the folder, or by the last part of the name where only "
    "one file has it.",
    "ignore_unknown": "Leave out and count objects of unknown categories.",
    "duplicates": "Equal masks of a class in an image: keep them all, or the first.",
    "skip_missing": "Leave out and count images whose files are not there.",
    "keep_root": "Keep a category without objects that only names the others, as Roboflow writes "
    "it.",
}
"""Help text of each field of `Leniency`, whose option has its name."""


def _options() -> dict[str, Option]:
    kinds, found = get_type_hints(Leniency), {}
    for name, text in _HELP.items():
        flag = "--" + name.replace("_", "-")
        kind: Any = Annotated[kinds[name], typer.Option(flag, help=text, rich_help_panel=_PANEL)]
        found[name] = Option(kind, getattr(STRICT, name))
    return found


CrowdOption: Final = _options()["crowd"].annotation
"""That option alone, for a command to which the others make no difference."""

takes_leniency: Final = takes("leniency", _options(), Leniency)
"""Give a command the options above in place of its parameter `leniency`, which they become."""


def leniency_changes(leniency: Leniency) -> dict[str, Any]:
    """Fields of the settings' data that a training changes for `leniency`."""
    changed = leniency.changed()
    return {"leniency": changed} if changed else {}
