"""Errors of an annotation file: raised at once, or collected for a check of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import DataError


@dataclass(slots=True)
class Refusals:
    """Errors of a file; the first one is raised unless they are collected."""

    is_collecting: bool = False
    errors: list[DataError] = field(default_factory=list)

    def refuse(self, error: DataError) -> None:
        """Raise `error`, or keep it and go on.

        Raises:
            DataError: `error`.
        """
        if not self.is_collecting:
            raise error
        self.errors.append(error)
