"""Inheritance of configurations: MMDetection's rule to merge a file with its bases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import DataError
from .unreadable import DEEPEST, Budget, Unreadable, too_deep

REPLACE = "_delete_"  # key of a mapping that replaces the base's instead of merging


def inherited(
    base: Mapping[str, Any], child: Mapping[str, Any], budget: Budget, where: str, depth: int = 0
) -> dict[str, Any]:
    """`base` changed by `child`; neither is altered.

    Mappings are merged key by key, everything else of the child (lists, too) replaces. A mapping
    with a true ``_delete_`` replaces the base's mapping as a whole.

    Raises:
        DataError: D14 for a mapping over a base value that is none, which MMDetection refuses
            too, and for values that nest or expand without bound.
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
