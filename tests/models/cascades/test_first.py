"""The first stages of a cascade: the same heads, and the same tensors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import relook
from relook.errors import ModelError, UsageError
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.cascades.htc import HybridTaskCascade
from relook.structures.detection import ImageBatch

from ...narrow_models import FEW_TO_DETECT, detector_of, narrow_config


@pytest.mark.parametrize("name", ["htc-tiny", "dsc-tiny"])
def test_the_first_stages_are_the_same_heads(name: str) -> None:
    cascade = relook.build(name).cascade
    assert isinstance(cascade, HybridTaskCascade | ShapeGuidedCascade)
    short = cascade.first(2)
    assert type(short) is type(cascade) and len(short.rules) == len(short.box_heads) == 2
    assert short.box_heads[1] is cascade.box_heads[1]
    assert len(cascade.box_heads) == len(cascade.rules) == 3
    if isinstance(short, ShapeGuidedCascade):
        assert len(short.guidance_heads) == 2 and short.scoring == (1,)
        first = short.first(1)
        assert first.scoring == (0,) and first.ratios == short.ratios == cascade.ratios
        assert first.last_stage == 2  # boxes of the first stage are seen as they always were
    else:
        assert len(short.mask_heads) == 2


@pytest.mark.parametrize("name", ["htc-tiny", "dsc-tiny"])
@torch.no_grad()
def test_all_stages_are_the_cascade(name: str) -> None:
    detector = relook.build(name, semantic=None).eval()
    assert {*detector.first_stages(3).cascade.state_dict()} == {*detector.cascade.state_dict()}
    same = detector.first_stages(3)
    assert same is not detector and same.features is detector.features


@pytest.mark.parametrize("name", ["htc-tiny", "dsc-tiny", "mask-rcnn-r18"])
@torch.no_grad()
def test_detections_have_the_score_of_each_stage_alone(name: str) -> None:
    """Those of the first stage are what a cascade of one stage scores the same proposals."""
    detector = detector_of(narrow_config(name, **FEW_TO_DETECT)).eval()
    torch.manual_seed(3)
    sizes = ((64, 64), (96, 96))
    scales = ((1.0, 1.0), (1.0, 1.0))
    images = ImageBatch(torch.randn(2, 3, 96, 96), sizes, sizes, sizes, scales)
    first = detector.look(images)
    rule = detector.cascade.select.changed(0.0, None)
    shared = (first.pyramid, first.context, first.proposals, images)
    found = detector.cascade.detect(*shared, rule)
    assert [len(image) > 0 for image in found] == [True, True]
    if len(detector.cascade.rules) == 1:
        assert [image.stage_scores for image in found] == [None, None]
        return
    scoring = getattr(detector.cascade, "scoring", (0, 1, 2))
    if scoring[0] == 0:
        _, scores = detector.cascade.first(1).score(*shared)
    for number, image in enumerate(found):
        assert image.stage_scores is not None
        assert image.stage_scores.shape == (len(image), len(scoring))
        assert image.arrays().stage_scores.shape == (len(image), len(scoring))
        if scoring[0] == 0:
            own = scores[first.proposals.image_index == number][:, image.labels]
            assert torch.isclose(own, image.stage_scores[:, 0]).any(dim=0).all()


@pytest.mark.parametrize("stages", [0, 4, -1])
def test_there_are_no_others(stages: int) -> None:
    with pytest.raises(UsageError, match=f"U03: stages: expected 1 to 3.*got {stages}"):
        relook.build("htc-tiny").first_stages(stages)


def test_a_cascade_that_does_not_say_what_its_first_stages_are_is_named() -> None:
    detector = relook.build("htc-tiny")
    detector.cascade = nn.Linear(1, 1)
    with pytest.raises(ModelError, match=r"M08: the cascade Linear has no `first\(stages\)`"):
        detector.first_stages(1)
