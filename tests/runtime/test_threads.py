"""Threads of a computation."""

from __future__ import annotations

import sys

import pytest
import torch

from relook.runtime.threads import usable_threads


def test_pytorch_decides_where_it_is_imported() -> None:
    assert usable_threads() == torch.get_num_threads()


@pytest.mark.parametrize(("variable", "expected"), [("3", 3), ("0", None), ("many", None)])
def test_without_it_the_variable_or_the_cores_do(
    variable: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert usable_threads() == expected if expected else usable_threads() >= 1
