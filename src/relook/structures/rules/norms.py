"""Rule of the normalisation after convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from .bounds import Positive

NormKind = Literal["none", "fixed_batch", "batch", "group"]
_KINDS = {
    "none": "no norm",
    "fixed_batch": "batch norm with stored statistics",
    "batch": "batch norm, statistics of the batch",
    "group": "group norm",
}


@dataclass(frozen=True, slots=True)
class NormRule:
    """Normalisation after convolutions; one without has a bias."""

    kind: NormKind = "none"
    groups: Positive | None = None
    """Groups of a group norm; None: as many as have 16 channels, at most 32."""
    eps: Annotated[float, Ge(0)] = 1e-5  # added to the variance

    def words(self) -> str:
        """Describe the normalisation."""
        if self.kind == "none":
            return _KINDS[self.kind]
        groups = f" of {self.groups or 'up to 32'} groups" if self.kind == "group" else ""
        return f"{_KINDS[self.kind]}{groups}, variance plus {self.eps:g}"


NO_NORM = NormRule()
