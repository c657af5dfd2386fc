"""Descriptions of checkpoints as plain data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from relook.interop.checkpoint.plain_data import plain_data
from relook.interop.checkpoint.stand_ins import Holder, NumpyArray, NumpyType


def _array(values: Any) -> NumpyArray:
    array = NumpyArray()
    array.array = np.asarray(values)
    return array


def test_plain_values_stay() -> None:
    meta = {"CLASSES": ("a", "b"), "epoch": 12, "time": None, "lr": 0.5, "done": True, 3: {"x": []}}
    value, dropped = plain_data(meta)
    assert value == {
        "CLASSES": ["a", "b"],
        "epoch": 12,
        "time": None,
        "lr": 0.5,
        "done": True,
        "3": {"x": []},
    }
    assert not dropped


def test_holders_and_arrays_become_dicts_and_lists() -> None:
    holder = Holder()
    holder.build({"scores": _array([[1.5, 2.0]]), "kind": NumpyType("f8")})
    value, dropped = plain_data({"hook": holder})
    assert value == {"hook": {"scores": [[1.5, 2.0]], "kind": "float64"}}
    assert not dropped and type(value["hook"]) is dict


def test_the_rest_is_dropped_and_counted() -> None:
    value, dropped = plain_data(
        {"b": b"bytes", "l": [1, object(), 2], "n": 2**70, "a": _array(np.zeros(20_000))}
    )
    assert value == {"l": [1, 2]}
    assert dropped == {"bytes": 1, "object": 1, "numbers that are too large": 1, "large arrays": 1}


def test_lists_that_hold_themselves_end() -> None:
    loop: list[Any] = ["x"]
    loop.append(loop)
    value, dropped = plain_data(loop)
    assert json.dumps(value).count("x") == 20 and dropped


@pytest.mark.parametrize("bottom", ["text", "a" * 100_000])
def test_doubling_lists_end(bottom: str) -> None:
    """Nineteen lists that each hold the one before ten times."""
    value: Any = bottom
    for _ in range(18):
        value = [value] * 10
    copy, dropped = plain_data(value)
    assert sum(dropped.values()) > 0
    assert len(json.dumps(copy)) < 20_000_000


def test_an_array_counts_wherever_it_is() -> None:
    copy, dropped = plain_data([_array(np.zeros(10_000))] * 1000)
    assert len(copy) <= 20 and dropped["large arrays"] >= 1


@pytest.mark.parametrize("key", ["a" * 10_000, b"a" * 10_000, ("a" * 5000, b"a" * 5000)])
def test_keys_count_wherever_they_are(key: Any) -> None:
    copy, dropped = plain_data([{key: 1}] * 3000)
    assert len(json.dumps(copy)) < 40_000_000 and dropped["values that are too long"] > 1000
