"""A folded copy of a detector, kept up to date with it."""

from __future__ import annotations

from operator import is_
from typing import NamedTuple

import torch
from torch import Tensor

from ..detector import Detector
from .fold import fold, hooks


class FoldedCopy:
    """Folded copy of a detector, made at the first call and again after a change.

    Changes are tensors written to or replaced, modules replaced, attributes set and hooks added.
    Writing that PyTorch does not count (through ``tensor.data``, or by a fused optimizer) is
    detected if a tensor's first value changes. Changes inside of an attribute's object are not
    detected.
    """

    def __init__(self) -> None:
        self._made: tuple[_State, Detector] | None = None

    def of(self, detector: Detector, dtype: torch.dtype = torch.float32) -> Detector:
        """The copy of `detector` in its current state, which computes in `dtype`."""
        state = _state(detector, dtype)
        cached = self._made  # threads may share a predictor
        if cached is None or not cached[0].equals(state):
            # Tensors are kept, so that no new tensor gets the address of a deleted one.
            state = state._replace(held=[tensor.detach() for tensor in _tensors(detector)])
            cached = self._made = (state, fold(detector, dtype))
        return cached[1]


class _State(NamedTuple):
    """State of a detector that its folded copy depends on."""

    tensors: list[tuple[int, int]]  # address, and number of writes
    first_values: bytes
    attributes: list[object]  # of all modules, without their modes
    dtype: torch.dtype
    held: list[Tensor] = []

    def equals(self, other: _State) -> bool:
        return (
            (self.tensors, self.first_values, self.dtype)
            == (other.tensors, other.first_values, other.dtype)
            and len(self.attributes) == len(other.attributes)
            and all(map(is_, self.attributes, other.attributes))
        )


def _tensors(detector: Detector) -> list[Tensor]:
    return [*detector.parameters(), *detector.buffers()]


@torch.no_grad()
def _state(detector: Detector, dtype: torch.dtype) -> _State:
    tensors = _tensors(detector)
    writes = [
        (t.data_ptr(), 0 if t.is_inference() else t._version)  # noqa: SLF001
        for t in tensors
    ]
    firsts = [t.as_strided((1,), (1,)) for t in tensors if t.is_floating_point() and t.numel()]
    attributes = [
        value
        for module in detector.modules()
        for name, value in vars(module).items()
        if name != "training"
    ]
    attributes += [hooks(module) for module in detector.modules()]
    return _State(writes, torch.cat(firsts).numpy().tobytes(), attributes, dtype)
