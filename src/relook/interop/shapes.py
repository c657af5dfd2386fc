"""Names and shapes of a checkpoint, with clear errors instead of KeyErrors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ModelError

_LARGEST = 2**31


class Shapes:
    """Shapes of tensors by name; a missing one is a `ModelError`."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.names = tuple(shapes)
        self._shapes = shapes

    def has(self, prefix: str) -> bool:
        """Return whether some name starts with `prefix`."""
        return any(name.startswith(prefix) for name in self.names)

    def size(self, name: str, axis: int) -> int:
        """Entries of one tensor along `axis`, at least 1.

        Raises:
            ModelError: M04 when there is no such tensor, or it has too few axes.
        """
        shape = self._shapes.get(name)
        if shape is None:
            raise unfit(f"there is no {name}, which every model of this kind has")
        if axis >= len(shape) or not 0 < shape[axis] < _LARGEST:
            raise unfit(f"{name} has the shape {tuple(shape)}, which does not fit this model")
        return int(shape[axis])

    def count(self, prefix: str) -> int:
        """Number of names ``prefix.0``, ``prefix.1``, ... in a row.

        Raises:
            ModelError: M04 when the numbers have a gap.
        """
        pattern = re.compile(re.escape(prefix) + r"\.(\d{1,6})\.")
        numbers = {int(match[1]) for name in self.names if (match := pattern.match(name))}
        if numbers and max(numbers) + 1 != len(numbers):
            gap = next(i for i in range(len(numbers)) if i not in numbers)
            raise unfit(f"{prefix}.{gap} is missing, though there is a {prefix}.{max(numbers)}")
        return len(numbers)


class Findings:
    """Findings about a checkpoint, one line each."""

    def __init__(self) -> None:
        self.reasons: list[str] = []  # a fact, and the evidence for it
        self.unknown: list[str] = []  # a setting that is not in the file, and its default


def unfit(reason: str) -> ModelError:
    """The error for a checkpoint of a model that relook does not have."""
    return ModelError("M04", f"this checkpoint cannot be imported: {reason}.")
