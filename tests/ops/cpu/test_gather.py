"""Sums of rows against loops over their terms."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.cpu.gather import as_table, dots, gather, scatter


def _terms(seed: int, num_rows: int, counts: list[int]) -> tuple[Tensor, ...]:
    """Rows, weights, starts and the sum of each term, for sums of so many terms."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(counts)
    rows = torch.randint(num_rows, (total,), generator=generator, dtype=torch.int32)
    weights = torch.randn(total, generator=generator)
    starts = torch.tensor([sum(counts[:i]) for i in range(len(counts))], dtype=torch.int32)
    sum_of = torch.arange(len(counts), dtype=torch.int32).repeat_interleave(torch.tensor(counts))
    return rows, weights, starts, sum_of


@given(
    st.integers(0, 10**6),
    st.integers(1, 9),
    st.integers(1, 20),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_values_and_both_gradients_are_those_of_the_loop(
    seed: int, num_rows: int, channels: int, counts: list[int]
) -> None:
    rows, weights, starts, sum_of = _terms(seed, num_rows, counts)
    generator = torch.Generator().manual_seed(seed + 1)
    table = torch.randn(num_rows, channels, generator=generator)
    grad = torch.randn(len(counts), channels, generator=generator)
    sums, of_table = torch.zeros(len(counts), channels), torch.zeros_like(table)
    of_weights = torch.zeros_like(weights)
    for term, (row, its) in enumerate(zip(rows.tolist(), sum_of.tolist(), strict=True)):
        sums[its] += weights[term] * table[row]
        of_table[row] += weights[term] * grad[its]
        of_weights[term] = grad[its] @ table[row]
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(gather(table, rows, weights, starts), sums, **close)
    torch.testing.assert_close(scatter(grad, rows, weights, sum_of, num_rows), of_table, **close)
    if len(rows):
        torch.testing.assert_close(dots(grad, table, rows, starts, sum_of), of_weights, **close)


def test_a_map_becomes_a_row_for_each_pixel() -> None:
    x = torch.randn(2, 3, 4, 5)
    table, height, width = as_table(x)
    assert (height, width) == (4, 5)
    assert torch.equal(table[1 * 20 + 2 * 5 + 4], x[1, :, 2, 4])
    as_stored = x.contiguous(memory_format=torch.channels_last)
    assert as_table(as_stored)[0].data_ptr() == as_stored.data_ptr()  # nothing is copied


def test_a_margin_is_zero() -> None:
    x = torch.rand(2, 3, 4, 5) + 1
    table, height, width = as_table(x, 2)
    assert (height, width) == (8, 9)
    framed = table.view(2, 8, 9, 3)
    assert torch.equal(framed[:, 2:-2, 2:-2].permute(0, 3, 1, 2), x)
    assert framed.count_nonzero() == x.numel()
