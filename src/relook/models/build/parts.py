"""Making of users' parts from their names, with a check for the needs of their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import nn

from ...config.parts import Part, PartsConfig
from ...config.plugins import named
from ...errors import ModelError, counted
from .part_results import check_results

_METHODS: Final[dict[str, tuple[str, ...]]] = {
    "backbone": ("forward", "out_channels", "takes_feedback"),
    "fusion": ("blend",),
    "mask_head": ("features", "predict"),
    "cascade": ("loss", "detect", "score", "mask_probabilities", "masks"),
}
"""Attributes that a part must have besides being callable."""
_MODULES: Final = frozenset(
    ("conv3x3", "backbone", "neck", "connector", "fusion", "box_head", "mask_head", "cascade")
)


def make(parts: PartsConfig, place: str, *arguments: Any, default: Callable[[], Any]) -> Any:
    """Make the user's part for `place` with `arguments`; call `default` where there is none.

    Raises:
        ModelError: M08 when it cannot be imported or made, or lacks something its place needs.
    """
    part: Part | None = getattr(parts, place)
    return default() if part is None else made_by(part, place, *arguments)


def made_by(part: Part, place: str, *arguments: Any) -> Any:
    """Make `part` with the `arguments` of its `place`; raises as `make` does."""
    factory = named(part.target)
    try:
        module = factory(*arguments, **part.args)
    except Exception as error:
        raise ModelError(
            "M08",
            f"parts.{place}: {part.target} could not be made ({type(error).__name__}: {error}). It "
            f"is called with {len(arguments)} values of the place, {_named(arguments)}, and with "
            f"its own args {part.args}.",
        ) from error
    missing = [name for name in _METHODS.get(place, ()) if not hasattr(module, name)]
    if place in _MODULES and not isinstance(module, nn.Module):
        missing.append("being a torch.nn.Module")
    if not missing and not callable(module) and place not in ("fusion", "stage_rules"):
        missing.append("being callable")
    if missing:
        raise ModelError(
            "M08",
            f"parts.{place}: {part.target} made a {type(module).__name__}, which lacks "
            f"{', '.join(missing)}. PartsConfig has the requirements of this place.",
        )
    if place == "stage_rules" and len(module) != len(arguments[0]):
        raise ModelError(
            "M08",
            f"parts.{place}: {part.target} gave {counted(len(module), 'rule')}; one for each of "
            f"the {counted(len(arguments[0]), 'stage')} was due.",
        )
    return check_results(module, place, part.target, arguments)


def _named(arguments: tuple[Any, ...]) -> str:
    return "(" + ", ".join(repr(value)[:40] for value in arguments) + ")"
