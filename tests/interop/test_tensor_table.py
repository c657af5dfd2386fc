"""Every tensor gets a row, and every row of a strict import a value."""

from __future__ import annotations

import pytest
import torch

from relook.errors import ModelError
from relook.interop.tensor_table import check_strict, count_statuses, fill, match_tensors

MODEL = {
    "a.weight": torch.empty(2, 3, 1, 1, device="meta"),
    "a.weight_gamma": torch.empty(2, 1, 1, 1, device="meta"),
    "a.weight_beta": torch.empty(2, 1, 1, 1, device="meta"),
    "n.num_batches_tracked": torch.empty((), dtype=torch.int64, device="meta"),
    "b.bias": torch.empty(4, device="meta"),
}
KERNEL = torch.arange(6.0).reshape(2, 3, 1, 1)


def test_rows_of_every_kind() -> None:
    given = {"a.weight": KERNEL, "b.bias": torch.zeros(5), "c": torch.zeros(1)}
    names = {"a.weight": "x.weight", "b.bias": "b.bias", "c": "their.c"}
    rows = match_tensors(MODEL, given, names)
    assert [(r.ours, r.theirs, r.status) for r in rows] == [
        ("a.weight", "x.weight", "renamed"),
        ("a.weight_gamma", None, "computed"),
        ("a.weight_beta", None, "computed"),
        ("n.num_batches_tracked", None, "computed"),
        ("b.bias", None, "missing"),
        (None, "their.c", "left over"),
        (None, "b.bias", "left over"),
    ]
    assert list(count_statuses(rows).values()) == [0, 1, 3, 1, 2]
    assert "2x3x1x1" in str(rows[0]) and "a.weight <- x.weight" in str(rows[0])
    assert rows[0].to_json()["shape"] == [2, 3, 1, 1]
    with pytest.raises(ModelError) as caught:
        check_strict(rows)
    message = str(caught.value)
    assert "1 of the model are missing:\n  b.bias 4 (of another shape" in message
    assert "2 are left over:\n  their.c 1\n  b.bias 5 (the model's is 4)" in message


def test_long_lists_are_cut() -> None:
    extra = {f"x{i}": torch.zeros(1) for i in range(30)}
    rows = match_tensors({}, extra, {key: key for key in extra})
    with pytest.raises(ModelError, match="and 18 more"):
        check_strict(rows)


def test_values_are_copies_of_the_models_type() -> None:
    given = {"a.weight": KERNEL.half(), "b.bias": torch.ones(8)[::2]}
    rows = match_tensors(MODEL, given, {key: key for key in given}, {"b.bias": "turned"})
    check_strict(rows)
    assert rows[-1].status == "computed" and rows[-1].note == "turned"
    taken = dict(given)
    state = fill(rows, MODEL, taken.pop, taken.pop)
    assert not taken
    assert {key: (v.shape, v.dtype) for key, v in state.items()} == {
        key: (v.shape, v.dtype) for key, v in MODEL.items()
    }
    assert torch.equal(state["a.weight"], KERNEL)
    assert state["b.bias"].untyped_storage().nbytes() == 16
    assert state["b.bias"].data_ptr() != given["b.bias"].data_ptr()
    # What standardising and scaling back gives is the kernel itself.
    torch.testing.assert_close(state["a.weight_beta"].flatten(), torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(
        state["a.weight_gamma"].flatten(), torch.ones(2), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_other_kinds_of_numbers_are_refused(dtype: torch.dtype) -> None:
    given = {"b.bias": torch.ones(4).to(dtype)}
    rows = match_tensors({"b.bias": MODEL["b.bias"]}, given, {"b.bias": "b"})
    with pytest.raises(ModelError, match="holds numbers of type"):
        fill(rows, MODEL, given.pop, given.pop)


def test_a_counter_in_a_list_is_the_number_as_pytorch_loads_it() -> None:
    model = {"bn.num_batches_tracked": torch.zeros((), dtype=torch.int64)}
    given = {"bn.num_batches_tracked": torch.tensor([7])}
    rows = match_tensors(model, given, {name: name for name in given})
    assert rows[0].status == "used"
    state = fill(rows, model, given.__getitem__, model.__getitem__)
    assert state["bn.num_batches_tracked"].shape == () and state["bn.num_batches_tracked"] == 7
