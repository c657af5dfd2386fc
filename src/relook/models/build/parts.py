"""A user's own parts, made from their names and checked for what their place needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import nn

from ...config.parts import Part, PartsConfig
from ...config.plugins import named
from ...errors import ModelError

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


def make(parts: PartsConfig, place: str, *given: Any, default: Callable[[], Any]) -> Any:
    """Make the user's part for `place` of what is `given` there; `default` where there is
    none.

    Raises:
        ModelError: M08 when it cannot be imported or made, or is not what the place needs.
    """
    part: Part | None = getattr(parts, place)
    return default() if part is None else made_by(part, place, *given)


def made_by(part: Part, place: str, *given: Any) -> Any:
    """Make `part` of what is `given` at its `place`; raises as `make` does."""
    factory = named(part.target)
    try:
        made = factory(*given, **part.args)
    except Exception as error:
        raise ModelError(
            "M08",
            f"parts.{place}: {part.target} could not be made ({type(error).__name__}: {error}). It "
            f"is called with {len(given)} values of the place, {_named(given)}, and with its own "
            f"args {part.args}.",
        ) from error
    missing = [name for name in _METHODS.get(place, ()) if not hasattr(made, name)]
    if place in _MODULES and not isinstance(made, nn.Module):
        missing.append("being a torch.nn.Module")
    if not missing and not callable(made) and place not in ("fusion", "stage_rules"):
        missing.append("being callable")
    if missing:
        raise ModelError(
            "M08",
            f"parts.{place}: {part.target} made a {type(made).__name__}, which lacks "
            f"{', '.join(missing)}. PartsConfig says what a part of this place must be.",
        )
    return made


def _named(given: tuple[Any, ...]) -> str:
    return "(" + ", ".join(repr(value)[:40] for value in given) + ")"
