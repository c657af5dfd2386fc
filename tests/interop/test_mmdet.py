"""Translation of the reference's names; the full lists are checked in tests/invariants."""

from __future__ import annotations

import pytest
import torch

from relook.interop.mmdet import convert, rename


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "backbone.layer2.0.conv2.offset_s.weight",
            "features.backbones.0.layer2.0.conv2.offset_near.weight",
        ),
        (
            "backbone.layer2.0.conv2.offset_l.weight",
            "features.backbones.0.layer2.0.conv2.offset_far.weight",
        ),
        (
            "neck.rfp_modules.0.layer2.0.rfp_conv.bias",
            "features.backbones.1.layer2.0.feedback.bias",
        ),
        ("neck.rfp_modules.1.conv1.weight", "features.backbones.2.conv1.weight"),
        ("neck.rfp_aspp.aspp.3.bias", "features.connector.whole.bias"),
        ("roi_head.mask_head.1.conv_res.conv.weight", "cascade.mask_heads.1.carry.weight"),
        ("roi_head.mask_head.2.convs.3.conv.bias", "cascade.mask_heads.2.convs.3.bias"),
        ("roi_head.mpn.2.conv_res.conv.weight", "cascade.guidance_heads.2.carry.conv.weight"),
        ("roi_head.mpn.1.conv_res.bn.bias", "cascade.guidance_heads.1.carry.norm.bias"),
        ("roi_head.mpn.0.convs.3.conv.bias", "cascade.guidance_heads.0.convs.3.bias"),
        (
            "roi_head.bbox_head.1.conv_res.bn.running_var",
            "cascade.box_heads.1.fuse.norm.running_var",
        ),
        ("roi_head.mask_head.conv_res.conv.weight", "cascade.mask_head.carry.conv.weight"),
        ("roi_head.mask_head.conv_logits.bias", "cascade.mask_head.logits.bias"),
        ("roi_head.bbox_head.0.shared_fcs.1.weight", "cascade.box_heads.0.fc2.weight"),
    ],
)
def test_names_with_a_meaning_go_where_it_says(theirs: str, ours: str) -> None:
    assert rename(theirs, looks_twice=True) == ours


def test_one_look_has_one_backbone_and_dcn_names_of_both_ages_agree() -> None:
    for key in (
        "backbone.layer3.1.conv2.conv_offset.weight",
        "backbone.layer3.1.conv2_offset.weight",
    ):
        expected = "features.backbone.layer3.1.conv2.offset.weight"
        assert rename(key, looks_twice=False) == expected


def test_tensors_are_handed_on_and_collisions_refused() -> None:
    weight = torch.ones(1)
    assert convert({"rpn_head.rpn_cls.bias": weight})["rpn.objectness.bias"] is weight
    both = {"backbone.a.conv2_offset.w": weight, "backbone.a.conv2.conv_offset.w": weight}
    with pytest.raises(ValueError, match="same name"):
        convert(both)
