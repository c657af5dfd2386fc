"""Cascades that stop early."""

from __future__ import annotations

import pytest
import torch

import relook
from relook.errors import UsageError
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.cascades.htc import HybridTaskCascade
from relook.models.cascades.shortening import shortened


@pytest.mark.parametrize("name", ["htc-tiny", "dsc-tiny"])
def test_the_first_stages_are_the_same_heads(name: str) -> None:
    cascade = relook.build(name).cascade
    short = shortened(cascade, 2)
    assert isinstance(short, HybridTaskCascade | ShapeGuidedCascade)
    assert type(short) is type(cascade) and len(short.rules) == len(short.box_heads) == 2
    assert short.box_heads[1] is cascade.box_heads[1]  # type: ignore[index]
    assert len(cascade.box_heads) == len(cascade.rules) == 3  # type: ignore[arg-type]
    if isinstance(short, ShapeGuidedCascade):
        assert len(short.guidance_heads) == 2 and short.scoring == (1,)
        first = shortened(cascade, 1)
        assert isinstance(first, ShapeGuidedCascade) and first.scoring == (0,)
        assert first.last_stage == 2  # boxes of the first stage are seen as they always were
    else:
        assert len(short.mask_heads) == 2


@pytest.mark.parametrize("name", ["htc-tiny", "dsc-tiny"])
@torch.no_grad()
def test_all_stages_are_the_cascade(name: str) -> None:
    detector = relook.build(name, semantic=None).eval()
    assert {*shortened(detector.cascade, 3).state_dict()} == {*detector.cascade.state_dict()}
    same = detector.first_stages(3)
    assert same is not detector and same.features is detector.features


@pytest.mark.parametrize("stages", [0, 4, -1])
def test_there_are_no_others(stages: int) -> None:
    with pytest.raises(UsageError, match=f"U03: stages: expected 1 to 3.*got {stages}"):
        relook.build("htc-tiny").first_stages(stages)
