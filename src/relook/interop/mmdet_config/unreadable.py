"""Values that cannot be read without running a file, and a bound on the number of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ...errors import DataError

DEEPEST: Final = 64  # nested containers and operators


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that cannot be read without running the file."""

    why: str
    where: str

    def __str__(self) -> str:
        return f"{self.why} cannot be read without running the file ({self.where})"


@dataclass(slots=True)
class Budget:
    """Number of values that may still be built, for a file and all its bases together."""

    left: int = 300_000

    def spend(self, amount: int, where: str) -> None:
        """Subtract `amount` from the budget.

        Raises:
            DataError: D14 when the budget is spent.
        """
        self.left -= amount
        if self.left < 0:
            raise DataError(
                "D14",
                f"{where}: the configuration unfolds into too many values. No detector needs "
                "that; write a shorter file with the keys that matter.",
            )


def plain(value: Any, budget: Budget, where: str, depth: int = 0) -> Any:
    """A copy of `value` in which no container is shared.

    Raises:
        DataError: D14 for values that contain themselves, or expand without bound.
    """
    if depth > DEEPEST:
        raise DataError("D14", too_deep(where))
    budget.spend(1, where)
    if isinstance(value, dict):
        return {key: plain(item, budget, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item, budget, where, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def too_deep(where: str) -> str:
    """The message for values that nest without bound."""
    return f"{where}: values nest deeper than {DEEPEST}, or contain themselves; no detector's do."
