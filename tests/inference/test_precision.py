"""Predictions in 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import relook
from relook.errors import UsageError
from relook.inference import precision as module
from relook.inference.precision import checked_precision, dtype_on

CPU = torch.device("cpu")
NUCLEI = Path(__file__).resolve().parents[2] / "datasets/nuclei/images"
bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="this processor cannot compute bfloat16",
)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that computes bfloat16, fast or not."""
    monkeypatch.setattr(module, "has_bfloat16", lambda: True)


def _overlaps(some: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The largest IoU of each mask (N, H, W) with one of the others (M, H, W)."""
    a, b = (masks.reshape(len(masks), -1).astype(np.float32) for masks in (some, others))
    common = a @ b.T
    return np.asarray((common / (a.sum(1)[:, None] + b.sum(1) - common)).max(1))


def test_names_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked_precision("bf16") == "bf16"
    with pytest.raises(UsageError, match=r"U03.*'half' is not known; use fp32, bf16, fp16"):
        checked_precision("half")
    assert dtype_on("fp32", CPU) == torch.float32
    with pytest.raises(UsageError, match=r"U04.*fp16 is for GPUs"):
        dtype_on("fp16", CPU)
    assert dtype_on("fp16", torch.device("cuda")) == torch.float16
    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    with pytest.raises(UsageError, match=r"U04.*no instructions for it"):
        dtype_on("bf16", CPU)
    assert dtype_on("bf16", torch.device("cuda")) == torch.bfloat16


@bfloat16
@pytest.mark.usefixtures("able")
def test_nuclei_are_found_again() -> None:
    paths = sorted(NUCLEI.iterdir())[:1]
    exact = relook.load("nuclei", device="cpu")
    rounded = relook.load("nuclei", device="cpu", precision="bf16")
    assert any("bf16" in line for line in rounded.engine.describe())
    for path in paths:
        ours, theirs = rounded.predict(path), exact.predict(path)
        assert abs(len(ours) - len(theirs)) <= 0.1 * len(theirs)
        best = _overlaps(theirs.dense_masks(), ours.dense_masks())[theirs.scores > 0.7]
        assert np.median(best) > 0.95
        assert (best > 0.7).all()
        sixteen_bits = torch.from_numpy(ours.scores).bfloat16().float().numpy()
        assert not np.array_equal(ours.scores, sixteen_bits)  # scores are not rounded
    rounded.precision = "fp32"
    again, theirs = rounded.predict(paths[0]), exact.predict(paths[0])
    assert np.array_equal(again.boxes, theirs.boxes)
