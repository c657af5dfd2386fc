"""The list of names."""

from __future__ import annotations

import pytest

from relook.config.cascades import DSCConfig
from relook.config.model import RPNConfig
from relook.config.presets import PRESETS, preset
from relook.errors import UsageError
from relook.structures.rules.guidance import GuidanceRule
from relook.structures.rules.proposals import ProposalRule

NAMES = [
    "cascade-r50",
    "cascade-mask-r50",
    "htc-r50",
    "htc-r101",
    "htc-x101-32x4d",
    "htc-x101-64x4d",
    "htc-x101-64x4d-dcn",
    "cascade-r50-rfp",
    "cascade-r50-sac",
    "htc-r50-rfp",
    "htc-r50-sac",
    "detectors-cascade-r50",
    "detectors-htc-r50",
    "detectors-htc-r101",
    "detectors-htc-x101-32x4d",
    "detectors-htc-x101-64x4d",
    "dsc-r50",
    "dsc-r101",
    "dsc-x101-32x4d",
    "dsc-x101-64x4d-dcn",
    "fast-dsc-r50",
    "detectors-dsc-r50",
    "detectors-fast-dsc-r50",
    "detectors-panoptic-r50",
    "htc-tiny",
    "htc-tiny-rfp",
    "htc-tiny-sac",
    "detectors-htc-tiny",
    "detectors-cascade-tiny",
    "dsc-tiny",
    "fast-dsc-tiny",
    "detectors-dsc-tiny",
    "detectors-panoptic-tiny",
    "faster-rcnn-r50",
    "mask-rcnn-r50",
    "faster-rcnn-r50-v2",
    "mask-rcnn-r50-v2",
    "mask-rcnn-r18",
    "htc-r18",
    "detectors-htc-r18",
]


def test_every_promised_name_is_there_with_a_line_about_it() -> None:
    assert list(PRESETS) == NAMES
    assert all(entry.about for entry in PRESETS.values())


def test_the_switches_are_what_the_names_say() -> None:
    for name in NAMES:
        config = preset(name)
        parts = name.split("-")
        detectors = parts[0] == "detectors"
        assert (config.pyramid.steps == 2) == (detectors or "rfp" in parts)
        assert (config.backbone.sac is not None) == (detectors or "sac" in parts)
        # Also the variants without SAC have standardised weights, as long as they look twice.
        standardised = detectors or "rfp" in parts or "sac" in parts
        assert config.backbone.weight_standardisation == standardised
        hybrid = "htc" in parts or "panoptic" in parts
        assert (config.semantic is not None) == (hybrid or "dsc" in parts)
        assert (config.stuff is not None) == ("panoptic" in parts)
        assert isinstance(config.cascade, DSCConfig) == ("dsc" in parts)
        assert ("x101" in parts) == (config.backbone.groups > 1)
        assert any(config.backbone.deformable_stages) == ("dcn" in parts)
        if isinstance(config.cascade, DSCConfig):
            assert config.cascade.guidance.side == (7 if "fast" in parts else 14)
        else:
            assert config.cascade.hybrid.interleaved == config.cascade.hybrid.mask_flow == hybrid
            low = hybrid or name.startswith("mask-rcnn")
            assert config.cascade.sample.match_low_quality == low


def test_dsc_is_the_reference_and_takes_proposals_without_area() -> None:
    for name in NAMES:
        config = preset(name)
        assert config.rpn.test.min_bbox_size == 0, name
        if not isinstance(config.cascade, DSCConfig):
            assert config.rpn.test.min_bbox_size_rule == "above", name
        elif "tiny" not in name:
            assert config.cascade in (DSCConfig(), DSCConfig(guidance=GuidanceRule(side=7))), name
            assert config.rpn == RPNConfig(
                train=ProposalRule(2000, 2000, min_bbox_size_rule="from"),
                test=ProposalRule(min_bbox_size_rule="from"),
            ), name


def test_a_typo_is_answered_with_the_closest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'detectors-htc-r50'"):
        preset("detectros-htc-r50")
