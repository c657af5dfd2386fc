"""``relook show``: a model as one page, as a configuration file, or as Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError
from ..structures.object_sizes import sizes_of
from .errors import printable
from .options import Allow

if TYPE_CHECKING:
    from ..analysis.summary import Description

_YAML = (".yaml", ".yml")


def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A name of `relook models`, a run folder, a model file, or a configuration.",
        ),
    ],
    form: Annotated[
        Literal["page", "yaml", "python"],
        typer.Option(
            "--as",
            help="page: every part in words. yaml: for `relook train --config`. python: what "
            "makes the configuration.",
        ),
    ] = "page",
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="yaml: every field. python: without the preset, by constructors."
        ),
    ] = False,
    _allow: Allow = None,
) -> None:
    """Print what a model is: every part from pixels to masks, its size, and what differs from its
    nearest relative.

    A name of an architecture goes before a folder of that name. Parts that are not relook's are
    named; nothing of them is run without --allow.
    """
    if full and form == "page":
        raise UsageError("U04", "--full goes with --as yaml or --as python; a page is always full.")
    told = _described(model)
    if form == "page":
        text = str(told)
    else:
        text = told.yaml(full=full) if form == "yaml" else told.python(full=full)
    typer.echo(printable(text).removesuffix("\n"))


def _described(source: str) -> Description:
    """The model that `source` names, whatever it is."""
    from ..analysis.summary import describe
    from ..config.presets import PRESETS

    if source in PRESETS:
        return describe(source)
    path = Path(source).expanduser()
    settings = path / "config.yaml" if path.is_dir() else path
    if settings.suffix in _YAML and settings.is_file():
        return _of_settings(settings, path.stem)

    from ..api import find_model, load, name_of
    from ..weights.file import SUFFIX, read_header

    found = find_model(source)
    if found.suffix != SUFFIX:
        return describe(load(found, device="cpu").config, found.stem)
    config, extra = read_header(found)
    base = extra.get("preset")
    return describe(config, name_of(found), base if base in PRESETS else None, sizes_of(extra))


def _of_settings(path: Path, name: str) -> Description:
    """The model of a configuration file, of a run too."""
    from ..analysis.summary import describe
    from ..config.base import overlay
    from ..config.presets import preset
    from ..training.settings import read_overlay

    changes = read_overlay(path)
    if changes.preset is None:
        raise UsageError("U04", f"{path}: it names no preset; add model.preset: NAME.")
    return describe(overlay(preset(changes.preset), changes.model), name, changes.preset)
