"""Bounds of numbers, which the configuration checks."""

from __future__ import annotations

from math import inf
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

Positive = Annotated[int, Gt(0)]
NonNegative = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0), Lt(inf)]
Fraction = Annotated[float, Ge(0), Le(1)]
