"""RFP and SAC on networks of other libraries; ``docs/parts.md`` shows the adapters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops import FrozenBatchNorm2d

from relook import Part, build, convert_to_sac, preset
from relook.config.model import ModelConfig
from relook.layers import SAConv2d
from relook.layers.aspp import ASPP
from relook.models.backbones.timm import TimmBackbone
from relook.models.pyramids.fpn import FPN, FeaturePyramid
from relook.models.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid, copy_first_look
from relook.structures.detection import ImageBatch, Pyramid, Target


class TakesFeedback(nn.Module):
    """Any network in stages as a backbone of RFP: feedback is added to what a stage gives."""

    def __init__(
        self, stages: Sequence[nn.Module], out_channels: Sequence[int], feedback: int | None
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)  # pixels to stride 4, then each half as large
        self.out_channels = tuple(out_channels)
        self.feedback = nn.ModuleList()
        if feedback is not None:
            self.feedback.extend(nn.Conv2d(feedback, c, 1) for c in self.out_channels)
            for project in self.feedback:
                nn.init.zeros_(project.weight)
                nn.init.zeros_(project.bias)

    def takes_feedback(self) -> Sequence[bool]:
        return (len(self.feedback) > 0,) * 4

    def forward(self, pixels: Tensor, feedback: Sequence[Tensor | None] = (None,) * 4) -> Pyramid:
        maps, x = [], pixels
        for i, (stage, shown) in enumerate(zip(self.stages, feedback, strict=True)):
            x = stage(x)
            if shown is not None:
                project = self.feedback[i]
                x = x + project(shown)
            maps.append(x)
        return maps


def torchvision_backbone(feedback: int | None) -> TakesFeedback:
    net = ResNet(Bottleneck, [1, 1, 1, 1], width_per_group=16, norm_layer=FrozenBatchNorm2d)
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
    return TakesFeedback(
        [stem, net.layer2, net.layer3, net.layer4], (256, 512, 1024, 2048), feedback
    )


class ForTorchvision(nn.Module):
    """A pyramid of relook as torchvision's detectors want one."""

    def __init__(self, features: nn.Module, out_channels: int) -> None:
        super().__init__()
        self.features, self.out_channels = features, out_channels

    def forward(self, pixels: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(zip(("0", "1", "2", "3", "pool"), self.features(pixels), strict=True))


def recursive(first: nn.Module, second: nn.Module, channels: int) -> RecursiveFeaturePyramid:
    features = RecursiveFeaturePyramid(
        [first, second], FPN(first.out_channels, channels), ASPP(channels), GatedFusion(channels)
    )
    copy_first_look(features)
    return features


def test_rfp_and_sac_on_a_mask_rcnn_of_torchvision() -> None:
    torch.manual_seed(0)
    features = recursive(torchvision_backbone(None), torchvision_backbone(32), 32)
    once = FeaturePyramid(features.backbones[0], features.fpn)
    pixels = torch.randn(1, 3, 96, 96)
    for look in features.backbones:
        assert len(convert_to_sac(look, example=pixels).converted) == 4
    with torch.no_grad():
        for ours, theirs in zip(features.eval()(pixels), once.eval()(pixels), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)

    few = {"rpn_post_nms_top_n_train": 40, "rpn_post_nms_top_n_test": 20}
    model = MaskRCNN(ForTorchvision(features, 32), 2, min_size=96, max_size=128, **few)
    masks = torch.zeros(1, 96, 96, dtype=torch.uint8)
    masks[0, 10:60, 20:70] = 1
    boxes, labels = torch.tensor([[20.0, 10, 70, 60]]), torch.ones(1).long()
    target = {"boxes": boxes, "labels": labels, "masks": masks}
    losses = model.train()([torch.rand(3, 96, 96)], [target])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(value) for value in losses.values())
    learning = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any("feedback" in name for name in learning)
    assert any("switch" in name for name in learning)
    before = [project.weight.clone() for project in features.backbones[1].feedback]
    optimizer.step()
    for old, project in zip(before, features.backbones[1].feedback, strict=True):
        assert not torch.equal(old, project.weight)
    (found,) = model.eval()([torch.rand(3, 96, 96)])
    assert set(found) == {"boxes", "labels", "scores", "masks"}


def on_timm(name: str, looks: int) -> ModelConfig:
    backbone = Part.of(TimmBackbone, name=name, sac=True)
    return preset("htc-tiny").with_(
        pyramid__steps=looks, pyramid__channels=32, parts__backbone=backbone
    )


def test_rfp_and_sac_on_a_backbone_of_timm() -> None:
    pytest.importorskip("timm", reason="timm is not installed; pip install 'relook[timm]'")
    torch.manual_seed(0)
    detector = build(on_timm("resnet14t", looks=2))
    found = [module for module in detector.features.modules() if isinstance(module, SAConv2d)]
    assert len(found) == 6 * 2  # two of the stem, one of each block
    assert len(detector.features.backbones) == 2
    losses = detector.train().loss(*batch())
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(sac.switch.weight.grad is not None for sac in found)


def batch() -> tuple[ImageBatch, list[Any]]:
    size = ((96, 96),)
    images = ImageBatch(torch.randn(1, 3, 96, 96), size, size, size, ((1.0, 1.0),))
    return images, [Target(torch.zeros(0, 4), torch.zeros(0).long(), seed=1)]
