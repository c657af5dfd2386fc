"""Dictionaries in npy files: arrays come back, nothing is run, damage is an error."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.formats.pickled_arrays import read_pickled_npy
from relook.errors import DataError


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(value, dtype=object), allow_pickle=True)
    return file.getvalue()


ARRAYS = {
    "masks": np.arange(6, dtype=np.uint16).reshape(2, 3),
    "big": np.arange(6, dtype=">i4").reshape(3, 2),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "flags": np.array([True, False]),
}


def test_arrays_come_back() -> None:
    when = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    record = read_pickled_npy(
        saved({**ARRAYS, "name": "a", "when": [when, {"a": (1, 2, 3, 4)}]}), "a"
    )
    for name, array in ARRAYS.items():
        assert np.array_equal(record[name], array) and record[name].dtype.isnative
    assert record["name"] == "a"
    assert read_pickled_npy(saved([ARRAYS["masks"], "b"]), "a")[1] == "b"


class _Command:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def test_nothing_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    record = read_pickled_npy(saved({"masks": _Command(str(target)), "a": 1}), "a")
    assert record["a"] == 1 and not isinstance(record["masks"], np.ndarray)
    assert not target.exists()


def _with_pickle(text: bytes) -> bytes:
    head = saved({})
    return head[: head.index(b"\n") + 1] + text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        saved({"a": 1})[:-3],
        _with_pickle(b""),
        _with_pickle(b"."),
        _with_pickle(b"(" * 3000),
        _with_pickle(b"\x8e" + (2**62).to_bytes(8, "little") + b"x."),
        _with_pickle(b"\x82\x01."),
        _with_pickle(pickle.dumps({"a": 1})[:-1] + b"0" * 9),
    ],
)
def test_damage_is_an_error(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read_pickled_npy(data, "a_seg.npy")
    assert caught.value.code == "D03"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_changed_bytes_end_in_a_value_or_an_error(data: st.DataObject) -> None:
    content = bytearray(saved({"masks": ARRAYS["masks"], "a": [1, "b", None]}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        read_pickled_npy(bytes(content), "a")
