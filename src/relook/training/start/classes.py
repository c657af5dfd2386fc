"""Classes of a model and classes of data, matched by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import UsageError, first_few
from ...inference.results import ClassLike

_BOX = 4  # numbers of a box
_NAMED = 5


@dataclass(frozen=True, slots=True)
class CommonClasses:
    """Common classes of a model and of data, by name."""

    before: tuple[str, ...]  # names, in the order of the model
    now: tuple[str, ...]  # names, in the order of the data
    source: tuple[int, ...]  # row of the model for each class of the data; -1 for a new class

    @classmethod
    def of(
        cls,
        before: Sequence[ClassLike],
        now: Sequence[ClassLike],
        names: Mapping[str, str] | None = None,
    ) -> CommonClasses:
        """Match the classes of a model and of data by name; classes of one name by their ids.

        `names` says which class of the model a class of the data is, where they have other names.

        Raises:
            UsageError: U01 for a name in `names` that the model or the data has not.
        """
        names = names or {}
        _check_names(names, [c.name for c in before], [c.name for c in now])
        counts = Counter(c.name for c in before) | Counter(c.name for c in now)

        def key(category: ClassLike) -> tuple[str, int]:
            return (category.name, category.id if counts[category.name] > 1 else 0)

        rows = {key(category): row for row, category in enumerate(before)}
        first_rows = {c.name: row for row, c in reversed(list(enumerate(before)))}
        return cls(
            tuple(c.name for c in before),
            tuple(c.name for c in now),
            tuple(
                first_rows[names[c.name]] if c.name in names else rows.get(key(c), -1) for c in now
            ),
        )

    @property
    def unchanged(self) -> bool:
        """Return whether both have the same classes in the same order."""
        return self.source == tuple(range(len(self.before)))

    def carried_over(self, trained: Tensor, fresh: Tensor) -> Tensor:
        """The rows of `trained` for the classes of `fresh`, which is (K, ...) or (K + 1, ...), or
        (4 K, ...) for a box of each class.

        A class that both have keeps its row. A new one starts from the mean of the rows of all
        classes in `trained`: their common part separates objects from the background and the
        inside of an object from its outside, and need not be learnt again. A last row after the
        classes is that of the background. A tensor with another number of rows is not carried over
        when the classes differ. A tensor of another shape is returned unchanged, and the caller
        refuses it.
        """
        background = len(fresh) - len(self.now)
        if self.unchanged or trained.shape[1:] != fresh.shape[1:]:
            return trained
        if len(fresh) == _BOX * len(self.now) and len(trained) == _BOX * len(self.before):
            boxes = trained.unflatten(0, (-1, _BOX)), fresh.unflatten(0, (-1, _BOX))
            return self.carried_over(*boxes).flatten(0, 1)
        if background not in (0, 1) or len(trained) != len(self.before) + background:
            return fresh
        class_rows = trained[: len(self.before)]
        rows = torch.tensor([*self.source, len(self.before)][: len(fresh)])
        mixed = class_rows.mean(0, dtype=torch.float64).to(fresh).expand_as(fresh).clone()
        mixed[rows >= 0] = trained[rows[rows >= 0]].to(fresh)
        return mixed

    def lines(self) -> list[str]:
        """Describe how the classes change, for people."""
        kept = [name for name, row in zip(self.now, self.source, strict=True) if row >= 0]
        new = [name for name, row in zip(self.now, self.source, strict=True) if row < 0]
        gone = [name for row, name in enumerate(self.before) if row not in self.source]
        known_names = all(name in self.before for name in self.now)
        if not new and not gone and known_names:
            order = "" if self.unchanged else ", in another order"
            return [f"classes: the {len(kept)} of the file{order}, all kept"]
        if not kept:
            return [
                f"classes: none of the data is in the file, so nothing is kept of the outputs for "
                f"classes: {_named(new)} new, from the mean of all in the file; {_named(gone)} "
                f"dropped. If they are the same under other names: --map {new[0]}={gone[0]}",
                *_twin_lines(new),
            ]
        lines = [f"classes: weights kept for {self._kept()}"]
        lines += [f"classes: new, from the mean of all in the file: {_named(new)}"] if new else []
        lines += [f"classes: dropped: {_named(gone)}"] if gone else []
        return [*lines, *_twin_lines(new)]

    def _kept(self) -> str:
        """The classes whose rows are kept, with the name in the model where it is another."""
        names = [
            name if self.before[row] == name else f"{name}, which is {self.before[row]} there"
            for name, row in zip(self.now, self.source, strict=True)
            if row >= 0
        ]
        return _named(names)


def _twin_lines(new: Sequence[str]) -> list[str]:
    """A line on what classes with equal rows find, where there are any."""
    if len(new) < 2:
        return []
    return [
        f"classes: the {len(new)} new ones are equal at the start, so a model that has learned "
        "little finds an object once for each of them; relook predict and eval with --agnostic "
        "show it once"
    ]


def _check_names(names: Mapping[str, str], before: Sequence[str], now: Sequence[str]) -> None:
    for of_data, of_model in names.items():
        for name, known, where in ((of_data, now, "data"), (of_model, before, "model")):
            if name not in known:
                raise UsageError(
                    "U01",
                    f"--map {of_data}={of_model}: the {where} has no class {name!r}. It has: "
                    f"{first_few(known, _NAMED)}. The name before the = is that of the data, the "
                    "one after it that of the model.",
                )


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({first_few(names, _NAMED)})"
