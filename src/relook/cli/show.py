"""``relook show``: a model as one page, as a configuration file, or as Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError
from ..structures.object_sizes import sizes_of
from .options import Allow
from .terminal import say

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
            help="page: every part in words. yaml: for `relook train --config`. python: code that "
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
    """Describe a model: every part from pixels to masks, its size, and its differences from the
    nearest preset.

    A name of an architecture is preferred to a folder of that name. Parts that are not relook's
    are named; their code is run only with --allow.
    """
    if full and form == "page":
        raise UsageError("U04", "--full goes with --as yaml or --as python; a page is always full.")
    description = _described(model)
    if form == "page":
        text = str(description)
    else:
        text = description.yaml(full=full) if form == "yaml" else description.python(full=full)
    say(text.removesuffix("\n"))


def _described(source: str) -> Description:
    """The description of the preset, configuration file, run folder or model file `source`."""
    from ..analysis.summary import describe
    from ..config.presets import PRESETS

    if source in PRESETS:
        return describe(source)
    path = Path(source).expanduser()
    settings = path / "config.yaml" if path.is_dir() else path
    if settings.suffix in _YAML and settings.is_file():
        return _of_settings(settings, path.stem)

    from ..model_files import find_model, name_of
    from ..weights.header import SUFFIX
    from ..weights.opening import read_header

    model_file = find_model(source)
    if model_file.suffix != SUFFIX:
        from ..api import load

        return describe(load(model_file, device="cpu").config, model_file.stem)
    header = read_header(model_file)
    base = header.extra.get("preset")
    return describe(
        header.config,
        name_of(model_file),
        base if base in PRESETS else None,
        sizes_of(header.extra),
    )


def _of_settings(path: Path, name: str) -> Description:
    """The description of a configuration file, which may be that of a run."""
    from ..analysis.summary import describe
    from ..config.base import overlay
    from ..config.presets import preset
    from ..training.settings import read_overlay

    changes = read_overlay(path)
    if changes.preset is None:
        raise UsageError("U04", f"{path}: it names no preset; add model.preset: NAME.")
    return describe(overlay(preset(changes.preset), changes.model), name, changes.preset)
