"""The preset whose recipe suits trained weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.cascades import DSCConfig
from ...config.presets import PRESETS
from ...interop.structure import preset_of
from ...weights.header import Header

if TYPE_CHECKING:
    from ...weights.file import SavedModel


def recipe_name(header: Header | SavedModel) -> str:
    """The preset of the weights, for the recipe and the name of the run.

    It is the one they were trained as, or else, for imported weights, the one of their
    structure; a structure that no preset has goes by the simplest preset with its kind of heads.
    """
    named = str(header.extra.get("preset", ""))
    if named in PRESETS:
        return named
    cascade = header.config.cascade
    if isinstance(cascade, DSCConfig):
        family = "dsc-r50"
    elif cascade.hybrid.interleaved:
        family = "htc-r50"
    else:
        family = "cascade-mask-r50" if cascade.masks else "cascade-r50"
    return preset_of(header.config) or family
