"""Folded detectors whose features and hidden layers compute in bfloat16."""

from __future__ import annotations

import pytest
import torch
from lively import lively_twin
from twins import NAMES, batch

from relook.models.folding import fold
from relook.models.folding.layers import FoldedConv2d, FoldedLinear
from relook.ops.cpu import onednn

KINDS = [name for name in NAMES if "tiny" in name]
IMAGES = batch((80, 96), (96, 72))
pytestmark = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported() or not onednn.is_available(),
    reason="this processor cannot compute bfloat16",
)


@pytest.mark.parametrize("folds", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_network(name: str, folds: bool) -> None:
    """Maps are those of float32 to the accuracy of 8 bits, and what comes out is float32."""
    detector = lively_twin(name)
    with torch.inference_mode():
        wanted = detector.features(IMAGES.pixels)
        rounded = fold(detector, torch.bfloat16) if folds else detector
        with torch.autocast("cpu", torch.bfloat16):
            maps, found = rounded.features(IMAGES.pixels), rounded.detect(IMAGES)
    for ours, theirs in zip(maps, wanted, strict=True):
        assert ours.dtype == torch.bfloat16 or not folds
        assert (ours.float() - theirs).norm() < 0.05 * theirs.norm()
    for one in found:
        assert len(one) > 5
        assert one.boxes.dtype == one.scores.dtype == torch.float32
        assert one.boxes.isfinite().all()


def test_hidden_layers_are_packed_in_16_bits_and_logits_are_not() -> None:
    folded = fold(lively_twin("detectors-htc-tiny"), torch.bfloat16)
    kinds = {m.dtype for m in folded.features.modules() if isinstance(m, FoldedConv2d)}
    assert kinds == {torch.bfloat16}
    (head,) = (m for name, m in folded.named_modules() if name.endswith("box_heads.0"))
    assert isinstance(head.fc1, FoldedLinear)
    assert head.fc1.dtype == torch.bfloat16
    assert head.classify.dtype == head.regress.dtype == torch.float32
    assert folded.rpn.objectness.exact.dtype == torch.float32
    assert folded.rpn.conv.hidden.dtype == torch.bfloat16
