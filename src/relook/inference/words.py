"""A model in lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import first_few
from .backend import FileEngine

if TYPE_CHECKING:
    from .predictor import Predictor


def model_lines(predictor: Predictor) -> list[str]:
    """The classes, size of images, parameters, device and licence of a model in one line, and the
    sizes of its objects in another one, where they are known.
    """
    sizes = [] if predictor.sizes is None else [f"objects: {predictor.sizes.line()}"]
    return [_model_line(predictor), *sizes]


def _model_line(predictor: Predictor) -> str:
    names = first_few((category.name for category in predictor.classes), 4)
    long, short = predictor.config.input.size
    engine = predictor.engine
    if isinstance(engine, FileEngine):
        size = engine.backend.name
    else:
        size = f"{engine.held.parameters / 1e6:.1f} M parameters"
    return (
        f"Predictor({len(predictor.classes)} classes: {names}; images up to {long}x{short}; "
        f"{size} on {predictor.device}"
        f"{f'; licence of its weights: {predictor.licence}' if predictor.licence else ''})"
    )
