"""Units of different content dealt out to parts, so that every part has its share of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

_COMPARED: Final = 200_000_000  # numbers that the exchange of units looks at, about
_PASSES: Final = 4
_LEAST_GAIN: Final = 1e-12


def whole_targets(number: int, shares: Sequence[float]) -> list[int]:
    """`number` things divided by `shares`, which sum to 1; no part with a share has none.

    `number` is at least the number of parts with a share.
    """
    exact = [number * share for share in shares]
    targets = [int(value) for value in exact]
    by_rest = sorted(range(len(shares)), key=lambda part: targets[part] - exact[part])
    for part in by_rest[: number - sum(targets)]:
        targets[part] += 1
    for part, share in enumerate(shares):
        if share > 0 and targets[part] == 0:
            targets[max(range(len(shares)), key=lambda other: targets[other])] -= 1
            targets[part] = 1
    return targets


@dataclass(slots=True, eq=False)
class _Table:
    """The parts as they are filled, and the price of their deviations from the shares."""

    content: Matrix  # (U, D) share of each unit in each quantity
    shares: Matrix  # (P, 1) share that each part is to have
    weights: Matrix  # (D,)
    sizes: NDArray[np.int64]  # (U,) images
    targets: NDArray[np.int64]  # (P,) images
    filled: Matrix  # (P, D) share that each part has
    counts: NDArray[np.int64]  # (P,) images
    part: Places  # (U,) of each unit; -1 for none

    def put(self, unit: int, part: int) -> None:
        before = int(self.part[unit])
        if before >= 0:
            self.filled[before] -= self.content[unit]
            self.counts[before] -= self.sizes[unit]
        self.filled[part] += self.content[unit]
        self.counts[part] += self.sizes[unit]
        self.part[unit] = part

    def prices(self, unit: int) -> Matrix:
        """(P,) What each part would deviate more with the unit in it."""
        added = self.content[unit]
        change = (2 * (self.filled - self.shares) + added) * added / self.shares
        return np.asarray((change * self.weights).sum(axis=1), dtype=np.float64)

    def partners(self, unit: int) -> Places:
        """Units of other parts with which `unit` may change places: counts stay as good."""
        own = int(self.part[unit])
        missed = self.counts - self.targets
        more = self.sizes - self.sizes[unit]
        before = abs(missed[own]) + abs(missed[self.part])
        after = abs(missed[own] + more) + abs(missed[self.part] - more)
        return np.flatnonzero((self.part != own) & (after <= before))

    def exchange_gains(self, unit: int, others: Places) -> Matrix:
        """(N,) What the deviation would fall by if `unit` changed places with each of `others`."""
        own, parts = int(self.part[unit]), self.part[others]
        change = self.content[others] - self.content[unit]
        rest = self.filled - self.shares
        own_price = (2 * rest[own] + change) * change / self.shares[own]
        other_price = (change - 2 * rest[parts]) * change / self.shares[parts]
        return -np.asarray(((own_price + other_price) * self.weights).sum(axis=1))


def deal(
    sizes: Sequence[int],
    content: Matrix,
    weights: Sequence[float],
    shares: Sequence[float],
    seed: int,
) -> list[int]:
    """The part of each of U units, so that part p has about `shares[p]` of every quantity.

    `content` (U, D) is how much of each quantity a unit has, `weights` (D,) how much a deviation
    of it counts, and `sizes` are images, of which a part gets less than one unit too many. There
    are at least as many units as parts, all shares are above 0, and they sum to 1. The same
    arguments always give the same parts.

    Units are put one by one, the largest and those of rare content first, into the part that lacks
    most of what they have. Then units change places as long as that helps, and as long as the
    numbers of images stay as good.
    """
    random = np.random.default_rng(seed)
    table = _table(sizes, content, weights, shares)
    order = _order(table, random)
    for unit in order.tolist():
        open_parts = np.flatnonzero(table.counts < table.targets)
        table.put(unit, int(open_parts[table.prices(unit)[open_parts].argmin()]))
    _fill_empty(table)
    _exchange(table, random)
    return [int(part) for part in table.part]


def _table(
    sizes: Sequence[int], content: Matrix, weights: Sequence[float], shares: Sequence[float]
) -> _Table:
    totals = content.sum(axis=0)
    used = totals > 0
    count, parts = len(sizes), len(shares)
    return _Table(
        content=content[:, used] / totals[used],
        shares=np.array(shares, dtype=np.float64)[:, None],
        weights=np.array(weights, dtype=np.float64)[used],
        sizes=np.array(sizes, dtype=np.int64),
        targets=np.array(whole_targets(sum(sizes), shares), dtype=np.int64),
        filled=np.zeros((parts, int(used.sum()))),
        counts=np.zeros(parts, dtype=np.int64),
        part=np.full(count, -1, dtype=np.int64),
    )


def _order(table: _Table, random: np.random.Generator) -> Places:
    """Units by size, the largest first; among equal ones, by their rarest quantity."""
    present = table.content > 0
    units_with = present.sum(axis=0)
    rarity = np.where(present, units_with, len(table.sizes) + 1).min(axis=1, initial=len(present))
    keys: tuple[Any, ...] = (random.permutation(len(table.sizes)), rarity, -table.sizes)
    return np.lexsort(keys)


def _fill_empty(table: _Table) -> None:
    """Give the smallest unit of the fullest part to each part that has none."""
    for part in range(len(table.counts)):
        if (table.part == part).any():
            continue
        units = np.bincount(table.part, minlength=len(table.counts))
        givers = np.flatnonzero(units > 1)
        giver = givers[(table.counts - table.targets)[givers].argmax()]
        own = np.flatnonzero(table.part == giver)
        table.put(int(own[table.sizes[own].argmin()]), part)


def _exchange(table: _Table, random: np.random.Generator) -> None:
    count = len(table.sizes)
    each = max(1, count * table.content.shape[1])
    tries = min(_PASSES * count, max(20, _COMPARED // each))
    fruitless = 0
    units: list[int] = []
    for _ in range(tries):
        if not units:
            units = random.permutation(count).tolist()
        unit = units.pop()
        others = table.partners(unit)
        if len(others):
            gains = table.exchange_gains(unit, others)
            best = int(gains.argmax())
            if gains[best] > _LEAST_GAIN:
                other, part = int(others[best]), int(table.part[unit])
                table.put(unit, int(table.part[other]))
                table.put(other, part)
                fruitless = 0
                continue
        fruitless += 1
        if fruitless > count:
            return
