"""Bounds of numbers, which the configuration checks.

Whole numbers end far above anything in use, so that a hostile model file cannot ask for more.
"""

from __future__ import annotations

from math import inf
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

_MOST = 2**24
Positive = Annotated[int, Gt(0), Le(_MOST)]
NonNegative = Annotated[int, Ge(0), Le(_MOST)]
Finite = Annotated[float, Gt(-inf), Lt(inf)]
PositiveFloat = Annotated[float, Gt(0), Lt(inf)]
Fraction = Annotated[float, Ge(0), Le(1)]
