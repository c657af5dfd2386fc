"""A table with a row for every tensor of a foreign file, so that none is lost silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from torch import Tensor

from ..errors import ModelError
from ..layers.sac import kernel_statistics

Status = Literal["used", "renamed", "computed", "missing", "left over"]
STATUSES: Final[tuple[Status, ...]] = ("used", "renamed", "computed", "missing", "left over")

_GAMMA, _BETA = ".weight_gamma", ".weight_beta"
_COUNTER = ".num_batches_tracked"
_NAMED = 12  # tensors that an error lists by name


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor: of the model, of the file, or of both."""

    ours: str | None  # None: a tensor of the file without a place in the model
    theirs: str | None  # None: a tensor of the model that is not in the file
    shape: tuple[int, ...]
    status: Status
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json."""
        return asdict(self) | {"shape": list(self.shape)}

    def __str__(self) -> str:
        sides = " <- ".join(name for name in (self.ours, self.theirs) if name)
        note = f" ({self.note})" if self.note else ""
        return f"{self.status:9} {'x'.join(map(str, self.shape)) or '1':14} {sides}{note}"


def match_tensors(
    expected: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    changed: Mapping[str, str] | None = None,
) -> list[Row]:
    """A row for every tensor of the model, then one for each of the file that is left over.

    Args:
        expected: The model's tensors, by relook's names; they may be on the meta device.
        tensors: The file's tensors, by relook's names.
        names: The file's own name of each of `tensors`.
        changed: Description of the change of each tensor that was rearranged, by relook's name.
    """
    rearranged = changed or {}
    rows: list[Row] = []
    unused: dict[str, str] = {name: "" for name in tensors if name not in expected}
    for ours, tensor in expected.items():
        shape = tuple(tensor.shape)
        value = tensors.get(ours)
        if value is None:
            rows.append(_absent(ours, shape, tensors))
        elif tuple(value.shape) != shape and not _is_number(shape, value):
            rows.append(Row(ours, None, shape, "missing", "of another shape in the file"))
            unused[ours] = f"the model's is {'x'.join(map(str, shape)) or 'a single number'}"
        elif ours in rearranged:
            rows.append(Row(ours, names[ours], shape, "computed", rearranged[ours]))
        else:
            status: Status = "used" if names[ours] == ours else "renamed"
            rows.append(Row(ours, names[ours], shape, status))
    rows += [
        Row(None, names[ours], tuple(tensors[ours].shape), "left over", note)
        for ours, note in unused.items()
    ]
    return rows


def _absent(ours: str, shape: tuple[int, ...], tensors: Mapping[str, Tensor]) -> Row:
    if ours.endswith((_GAMMA, _BETA)) and _kernel_of(ours) in tensors:
        return Row(ours, None, shape, "computed", "from the kernel's own statistics")
    if ours.endswith(_COUNTER):
        return Row(ours, None, shape, "computed", "a counter that old files do not have")
    return Row(ours, None, shape, "missing")


def _is_number(shape: tuple[int, ...], value: Tensor) -> bool:
    """Return whether a single number is in a list, which PyTorch loads as that number."""
    return shape == () and tuple(value.shape) == (1,)


def _kernel_of(name: str) -> str:
    return f"{name.rpartition('.')[0]}.weight"


def check_strict(rows: Sequence[Row]) -> None:
    """Check that no tensor is missing or left over.

    Raises:
        ModelError: M04 when a tensor of the model is missing, or one of the file left over; the
            message lists them.
    """
    missing = [_with_note(row.ours, row) for row in rows if row.status == "missing"]
    unused = [_with_note(row.theirs, row) for row in rows if row.status == "left over"]
    if not missing and not unused:
        return
    parts = [
        f"{len(lines)} {kind}:\n  " + "\n  ".join(_shortened(lines))
        for lines, kind in ((missing, "of the model are missing"), (unused, "are left over"))
        if lines
    ]
    raise ModelError(
        "M04",
        "the tensors of this checkpoint do not fit the model it was taken for, so nothing was "
        "imported. " + "\n".join(parts) + "\nIf it is another model than the names suggest, say "
        "which by preset; what has left-over parts has layers that relook does not.",
    )


def _with_note(name: str | None, row: Row) -> str:
    shape = "x".join(map(str, row.shape)) or "1"
    return f"{name} {shape}" + (f" ({row.note})" if row.note else "")


def _shortened(lines: list[str]) -> list[str]:
    num_hidden = len(lines) - _NAMED
    return lines[:_NAMED] + ([f"... and {num_hidden} more"] if num_hidden > 0 else [])


def count_statuses(rows: Iterable[Row]) -> dict[Status, int]:
    """Number of rows of each status."""
    counts = Counter(row.status for row in rows)
    return {status: counts[status] for status in STATUSES}


def fill(
    rows: Sequence[Row],
    expected: Mapping[str, Tensor],
    take: Callable[[str], Tensor],
    initial: Callable[[str], Tensor],
) -> dict[str, Tensor]:
    """A state dict for the model: each tensor in memory of its own, of the model's type.

    Args:
        rows: As `match_tensors` gives them.
        expected: The model's tensors, for their types.
        take: Returns the file's tensor by relook's name; called once for each.
        initial: Returns the initial value of a tensor that the file lacks, by relook's name.

    Raises:
        ModelError: M04 for a tensor of a type that the model cannot take.
    """
    state: dict[str, Tensor] = {}
    derived: list[str] = []
    for row in rows:
        ours = row.ours
        if ours is None:
            continue
        if row.theirs is None and row.status == "computed":
            derived.append(ours)
        else:
            value = initial(ours) if row.status == "missing" else take(ours)
            state[ours] = _own_copy(ours, value, expected[ours]).reshape(expected[ours].shape)
    for ours in derived:
        state[ours] = _derived(ours, state, expected[ours])
    return state


def _own_copy(name: str, value: Tensor, like: Tensor) -> Tensor:
    if (
        value.is_complex()
        or value.is_quantized
        or value.dtype.is_floating_point != (like.dtype.is_floating_point)
    ):
        raise ModelError(
            "M04", f"{name} holds numbers of type {value.dtype}, and the model's are {like.dtype}"
        )
    return value.detach().to(like.dtype, copy=True).contiguous()


def _derived(name: str, state: Mapping[str, Tensor], like: Tensor) -> Tensor:
    if name.endswith(_COUNTER):
        return like.new_zeros(like.shape, device="cpu")
    deviation, mean = kernel_statistics(state[_kernel_of(name)])
    return deviation if name.endswith(_GAMMA) else mean
