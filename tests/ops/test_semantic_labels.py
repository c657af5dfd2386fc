"""Labels of pixels from coarse logits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from relook.ops import semantic_labels as module
from relook.ops.semantic_labels import semantic_labels


@given(
    classes=st.integers(1, 7),
    size=st.tuples(st.integers(1, 64), st.integers(1, 96)),
    original=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    at_once=st.sampled_from([1, 9000, 2**24]),
)
def test_labels_are_the_largest_of_the_resized_logits(
    classes: int, size: tuple[int, int], original: tuple[int, int], at_once: int
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(classes, 16, 24)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", at_once)
        found = semantic_labels(logits, (64, 96), size, original)
    how = {"mode": "bilinear", "align_corners": False}
    large = F.interpolate(logits[None], size=(64, 96), **how)[..., : size[0], : size[1]]
    expected = F.interpolate(large, size=original, **how)[0].argmax(0)
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), expected)


@pytest.mark.parametrize("at_once", [1, 2**24])
def test_of_equal_logits_the_first_class_wins(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)  # also of classes that come later
    assert semantic_labels(torch.zeros(3, 2, 2), (8, 8), (8, 8), (8, 8)).unique().tolist() == [0]
