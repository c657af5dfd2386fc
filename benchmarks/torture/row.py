"""What became of one case."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Row:
    """Counts of one case, and what went wrong."""

    name: str
    works: int = 0  # begun, disturbed and let through
    kills: int = 0
    ended_before: int = 0  # the moment of a kill came after the end
    failures: list[str] = field(default_factory=list)
