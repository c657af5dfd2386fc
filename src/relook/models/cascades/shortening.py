"""Cascades that stop early."""

from __future__ import annotations

import copy
from typing import Any, Final

from torch import nn

from ...errors import UsageError
from ...layers.module_list import ModuleList

_ONE_PER_STAGE: Final = ("guidance_heads", "box_heads", "mask_heads")


def shortened(cascade: nn.Module, stages: int) -> nn.Module:
    """The first `stages` of a cascade, for predicting: same heads, same tensors.

    Scores are averaged over those stages that score and are left, or else are the last one's.

    Raises:
        UsageError: U03 when it does not have so many stages.
    """
    known = len(cascade.rules)  # type: ignore[arg-type]
    if not 1 <= stages <= known:
        raise UsageError("U03", f"stages: expected 1 to {known}, which the model has, got {stages}")
    short: Any = copy.copy(cascade)
    vars(short)["_modules"] = dict(vars(cascade)["_modules"])
    short.rules = short.rules[:stages]
    for name in _ONE_PER_STAGE:
        if hasattr(cascade, name):
            setattr(short, name, ModuleList[nn.Module](list(getattr(cascade, name))[:stages]))
    if hasattr(cascade, "scoring"):
        left = tuple(t for t in short.scoring if t < stages)
        short.scoring = left or (stages - 1,)
    result: nn.Module = short
    return result
