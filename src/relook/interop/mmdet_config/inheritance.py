"""Inheritance of configurations: the rule by which MMDetection merges a file's bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import DataError
from .unreadable import DEEPEST, Budget, Unreadable, too_deep

REPLACE = "_delete_"  # in a mapping: take it instead of the base's, do not merge


def inherited(
    base: Mapping[str, Any], child: Mapping[str, Any], budget: Budget, where: str, depth: int = 0
) -> dict[str, Any]:
    """`base` changed by `child`; neither is altered.

    Mappings are merged key by key, everything else of the child (lists, too) replaces. A mapping
    with a true ``_delete_`` replaces the base's mapping as a whole.

    Raises:
        DataError: D14 when a mapping meets a base value that is none, as MMDetection refuses it,
            and for values that nest or unfold without bound.
    """
    if depth > DEEPEST:
        raise DataError("D14", too_deep(where))
    budget.spend(len(base) + len(child) + 1, where)
    result = dict(base)
    for key, value in child.items():
        if key == REPLACE:
            continue
        if not isinstance(value, dict):
            result[key] = value
            continue
        before = {} if value.get(REPLACE) else result.get(key, {})
        if isinstance(before, Unreadable):
            before = {}
        if not isinstance(before, dict):
            raise DataError(
                "D14",
                f"{where}: {key} is a mapping here, but {type(before).__name__} in the base "
                f"configuration; MMDetection refuses that, too. Add {REPLACE}=True to the mapping.",
            )
        result[key] = inherited(before, value, budget, where, depth + 1)
    return result
