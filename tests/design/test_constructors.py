"""Everything composes in plain Python: whole detectors from constructors, without a configuration.

``docs/parts.md`` shows `detectors_by_hand`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from relook import Detector, ImageBatch, Target, preset
from relook.layers import AWSConv2d, SAConv2d
from relook.layers.aspp import ASPP
from relook.layers.norm import group_norm
from relook.models.backbones.resnet import ResNet
from relook.models.build import build_detector
from relook.models.cascades.htc import HybridTaskCascade
from relook.models.heads.box import BoxHead
from relook.models.heads.mask import MaskHead, carry_conv
from relook.models.heads.semantic import SemanticHead
from relook.models.pyramids.fpn import FPN, FeaturePyramid
from relook.models.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid, copy_first_look
from relook.models.rpn.rpn import RPN
from relook.ops.masks import crop_masks
from relook.structures.rules.cascade import SampleRule, SelectRule, StageRule
from relook.structures.rules.pixels import SemanticRule
from relook.structures.rules.proposals import AnchorRule, ProposalRule


def look(feedback_channels: int | None = None) -> ResNet:
    return ResNet(
        blocks=(2, 2, 2, 2),
        conv3x3_per_stage=(None, SAConv2d, SAConv2d, SAConv2d),
        conv=AWSConv2d,
        norm=group_norm,
        width=16,
        feedback_channels=feedback_channels,
    )


def detectors_by_hand(channels: int = 64, num_classes: int = 1) -> Detector:
    first = look()
    features = RecursiveFeaturePyramid(
        backbones=[first, look(feedback_channels=channels)],
        fpn=FPN(first.out_channels, channels),
        connector=ASPP(channels),
        fusion=GatedFusion(channels),
    )
    copy_first_look(features)
    rpn = RPN(
        channels,
        anchors=AnchorRule(scale=4.0),
        train=ProposalRule(candidates=500, proposals=300),
        test=ProposalRule(candidates=1000, proposals=600),
    )
    cascade = HybridTaskCascade(
        box_heads=[BoxHead(channels, num_classes, hidden=128) for _ in range(3)],
        mask_heads=[
            MaskHead(channels, 64, num_classes, carry=carry_conv(64, channels) if i else None)
            for i in range(3)
        ],
        rules=[
            StageRule(iou=0.5, std=(0.1, 0.1, 0.2, 0.2), loss_weight=1.0),
            StageRule(iou=0.6, std=(0.05, 0.05, 0.1, 0.1), loss_weight=0.5),
            StageRule(iou=0.7, std=(0.033, 0.033, 0.067, 0.067), loss_weight=0.25),
        ],
        num_classes=num_classes,
        sample=SampleRule(per_image=64),
        select=SelectRule(max_detections=500),
    )
    semantic = SemanticHead(channels, SemanticRule(num_classes=2))
    return Detector(features=features, rpn=rpn, cascade=cascade, semantic=semantic)


def scene() -> tuple[ImageBatch, list[Target]]:
    torch.manual_seed(5)
    size = ((96, 96),)
    masks = torch.zeros(2, 96, 96, dtype=torch.bool)
    masks[0, 8:40, 10:50] = masks[1, 20:90, 50:90] = True
    boxes = torch.tensor([[10.0, 8, 50, 40], [50, 20, 90, 90]])
    labels = masks.any(dim=0).long()
    target = Target(boxes, torch.zeros(2).long(), crop_masks(masks), labels, seed=1)
    return ImageBatch(torch.randn(1, 3, 96, 96), size, size, size, ((1.0, 1.0),)), [target]


def test_by_hand_it_is_the_preset() -> None:
    by_hand, built = detectors_by_hand(), build_detector(preset("detectors-htc-tiny"))
    shapes = {name: value.shape for name, value in by_hand.state_dict().items()}
    assert shapes == {name: value.shape for name, value in built.state_dict().items()}
    frozen = {name for name, value in built.named_parameters() if not value.requires_grad}
    assert frozen == {n for n, value in by_hand.named_parameters() if not value.requires_grad}

    by_hand.load_state_dict(built.state_dict())
    images, targets = scene()
    ours, theirs = by_hand.train().loss(images, targets), built.train().loss(images, targets)
    assert ours.keys() == theirs.keys() and len(ours) == 2 + 1 + 3 * 3
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=0)
    torch.stack(list(ours.values())).sum().backward()
    assert all(p.grad is not None for p in by_hand.parameters())

    cap = {"max_detections": 20}
    (found,) = by_hand.eval().detect(images, **cap)
    (expected,) = built.eval().detect(images, **cap)
    assert len(found.boxes) == 20
    for name in ("boxes", "scores", "labels", "mask_probabilities"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=0, atol=0)
    assert by_hand.cascade.select.max_detections == built.cascade.select.max_detections


@pytest.mark.parametrize(
    ("convolutions", "kinds"),
    [
        ((None, None, None, None), [AWSConv2d] * 4),
        ((None, None, None, SAConv2d), [AWSConv2d, AWSConv2d, AWSConv2d, SAConv2d]),
    ],
)
def test_each_stage_has_the_convolution_it_is_given(
    convolutions: Sequence[type[nn.Module] | None], kinds: Sequence[type[nn.Module]]
) -> None:
    backbone = ResNet((1, 1, 1, 1), convolutions, conv=AWSConv2d, norm=group_norm, width=16)
    stages = (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)
    assert [type(stage[0].conv2) for stage in stages] == kinds


def test_a_look_costs_nothing_until_it_learns() -> None:
    """With connector and fusion of one's choice, down to none at all."""
    first = look()
    once = FeaturePyramid(first, FPN(first.out_channels, 32)).eval()
    for fusion in (None, GatedFusion(32)):
        twice = RecursiveFeaturePyramid([first, look(32)], once.fpn, nn.Identity(), fusion).eval()
        copy_first_look(twice)
        pixels = torch.randn(1, 3, 96, 96)
        for ours, theirs in zip(twice(pixels), once(pixels), strict=True):
            torch.testing.assert_close(ours, theirs)
