"""Classes of a model and classes of data, matched by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import first_few
from ...inference.results import ClassLike

_NAMED = 5


@dataclass(frozen=True, slots=True)
class CommonClasses:
    """Which classes of a model are classes of the data, by name."""

    before: tuple[str, ...]  # names, in the order of the model
    now: tuple[str, ...]  # names, in the order of the data
    source: tuple[int, ...]  # row of the model for each class of the data; -1 for a new class

    @classmethod
    def of(cls, before: Sequence[ClassLike], now: Sequence[ClassLike]) -> CommonClasses:
        """The classes of a model and of data; where a name stands twice, ids tell them apart."""
        counts = Counter(c.name for c in before) | Counter(c.name for c in now)

        def key(category: ClassLike) -> tuple[str, int]:
            return (category.name, category.id if counts[category.name] > 1 else 0)

        rows = {key(category): row for row, category in enumerate(before)}
        return cls(
            tuple(c.name for c in before),
            tuple(c.name for c in now),
            tuple(rows.get(key(category), -1) for category in now),
        )

    @property
    def unchanged(self) -> bool:
        """The same classes in the same order."""
        return self.source == tuple(range(len(self.before)))

    def carried_over(self, given: Tensor, fresh: Tensor) -> Tensor:
        """The rows of `given` for the classes that `fresh` (K, ...) or (K + 1, ...) is about.

        A class that both know keeps its row. A new one starts from the mean of the rows of all
        classes that `given` knows: what they have in common is what tells an object from the
        background and its inside from its outside, and that need not be learnt again. A last
        row beyond the classes is the background's. Of a tensor that has other rows nothing is
        carried over when the classes differ. What is not of this kind of model is handed on as
        it is, for the caller to refuse.
        """
        background = len(fresh) - len(self.now)
        if self.unchanged or given.shape[1:] != fresh.shape[1:]:
            return given
        if background not in (0, 1) or len(given) != len(self.before) + background:
            return fresh
        known = given[: len(self.before)]
        rows = torch.tensor([*self.source, len(self.before)][: len(fresh)])
        mixed = known.mean(0, dtype=torch.float64).to(fresh).expand_as(fresh).clone()
        mixed[rows >= 0] = given[rows[rows >= 0]].to(fresh)
        return mixed

    def lines(self) -> list[str]:
        """Describe how the classes change, for people."""
        kept = [name for name, row in zip(self.now, self.source, strict=True) if row >= 0]
        new = [name for name, row in zip(self.now, self.source, strict=True) if row < 0]
        gone = [name for row, name in enumerate(self.before) if row not in self.source]
        if not new and not gone:
            order = "" if self.unchanged else ", in another order"
            return [f"classes: the {len(kept)} of the file{order}, all kept"]
        if not kept:
            return [
                f"classes: none is in the file; new, from the mean of all in the file: "
                f"{_named(new)}; dropped: {_named(gone)}"
            ]
        lines = [f"classes: weights kept by name for {_named(kept)}"]
        lines += [f"classes: new, from the mean of all in the file: {_named(new)}"] if new else []
        lines += [f"classes: dropped: {_named(gone)}"] if gone else []
        return lines


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({first_few(names, _NAMED)})"
