"""The folded copy of a detector that may still change."""

from __future__ import annotations

from operator import is_
from typing import NamedTuple

import torch
from torch import Tensor

from ..detector import Detector
from .fold import fold, hooks


class FoldedCopy:
    """Folds a detector when it is first asked for, and again when it has changed.

    Changes are tensors written to or replaced, modules replaced, attributes set and hooks added.
    What PyTorch does not count as writing (through ``tensor.data``, or by a fused optimizer) is
    seen if a tensor's first value changes; writing into what an attribute holds is not.
    """

    def __init__(self) -> None:
        self._made: tuple[_State, Detector] | None = None

    def of(self, detector: Detector) -> Detector:
        """The copy of `detector` as it is now."""
        state = _state(detector)
        made = self._made  # threads may share a predictor
        if made is None or not made[0].is_that_of(state):
            # Held, so that no new tensor takes the address of one that is gone.
            state = state._replace(held=[tensor.detach() for tensor in _tensors(detector)])
            made = self._made = (state, fold(detector))
        return made[1]


class _State(NamedTuple):
    """State of a detector that its folded copy depends on."""

    tensors: list[tuple[int, int]]  # address, and how often it was written to
    first_values: bytes
    attributes: list[object]  # of all modules, without their modes
    held: list[Tensor] = []

    def is_that_of(self, other: _State) -> bool:
        return (
            (self.tensors, self.first_values) == (other.tensors, other.first_values)
            and len(self.attributes) == len(other.attributes)
            and all(map(is_, self.attributes, other.attributes))
        )


def _tensors(detector: Detector) -> list[Tensor]:
    return [*detector.parameters(), *detector.buffers()]


@torch.no_grad()
def _state(detector: Detector) -> _State:
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
    return _State(writes, torch.cat(firsts).numpy().tobytes(), attributes)
