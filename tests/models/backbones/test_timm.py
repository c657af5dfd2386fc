"""Networks of timm as backbones: four families, with feedback and SAC."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from relook.config.parts import Part
from relook.config.presets import preset
from relook.errors import ModelError
from relook.layers.sac import SAConv2d
from relook.models.build import build_detector
from relook.structures.detection import ImageBatch, Target

pytest.importorskip("timm", reason="timm is not installed; pip install 'relook[timm]'")

from relook.models.backbones.timm import TimmBackbone

SMALL_SWIN = {"embed_dim": 16, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 2, 4)}
NETWORKS: dict[str, dict[str, Any]] = {
    "resnet14t": {},
    "convnext_atto": {},
    "efficientnet_lite0": {},
    "swin_tiny_patch4_window7_224": {"strict_img_size": False, **SMALL_SWIN},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_feedback_reaches_its_stage_and_those_behind_it(name: str) -> None:
    torch.manual_seed(0)
    backbone = TimmBackbone(4, (False, True, True, True), name, **NETWORKS[name]).eval()
    assert backbone.takes_feedback() == (False, True, True, True)
    pixels = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        first = backbone(pixels)
        shapes = [tuple(one.shape) for one in first]
        strides = zip(backbone.out_channels, (4, 8, 16, 32), strict=True)
        assert shapes == [(1, width, 64 // s, 96 // s) for width, s in strides]
        shown = [None, *(torch.randn(1, 4, *one.shape[2:]) for one in first[1:])]
        # Projections start at zero: a second look is the first one.
        for before, after in zip(first, backbone(pixels, shown), strict=True):
            torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)
        torch.nn.init.normal_(backbone.feedback[1].weight)  # type: ignore[arg-type]
        only_second = [None, shown[1], None, None]
        second = backbone(pixels, only_second)
        moved = [not torch.allclose(a, b, atol=1e-4) for a, b in zip(first, second, strict=True)]
        assert moved == [False, True, True, True]
        for ours, theirs in zip(second, copy.deepcopy(backbone)(pixels, only_second), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_detector_with_rfp_and_sac_learns() -> None:
    options = {"name": "convnext_atto", "sac": True}
    config = preset("htc-tiny").with_(
        pyramid__steps=2,
        pyramid__channels=32,
        semantic=None,
        parts__backbone=Part.of(TimmBackbone, **options),
    )
    torch.manual_seed(0)
    detector = build_detector(config).train()
    size = ((64, 64),)
    images = ImageBatch(torch.randn(1, 3, 64, 64), size, size, size, ((1.0, 1.0),))
    losses = detector.loss(images, [Target(torch.zeros(0, 4), torch.zeros(0).long(), seed=1)])
    torch.stack(list(losses.values())).sum().backward()
    features: Any = detector.features
    for project in features.backbones[1].feedback[1:]:
        assert project.weight.grad is not None and project.weight.grad.any()
    found = [one for one in features.modules() if isinstance(one, SAConv2d)]
    assert all(one.switch.weight.grad is not None for one in found)


def test_a_network_without_these_strides_is_refused() -> None:
    part = Part.of(TimmBackbone, name="vit_tiny_patch16_224")
    config = preset("htc-tiny").with_(parts__backbone=part)
    with pytest.raises(ModelError, match=r"M08.*TimmBackbone could not be made.*strides"):
        build_detector(config)
