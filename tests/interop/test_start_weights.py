"""torchvision's weights as a start."""

from __future__ import annotations

import functools

import pytest
import torch
from test_torchvision_models import theirs
from torch import Tensor
from torchvision.models import resnet50, wide_resnet50_2

from relook.config.model import ModelConfig, SACConfig
from relook.config.presets import preset
from relook.errors import ModelError
from relook.interop.start_weights import start_from, torchvision_refusal
from relook.interop.torchvision_models import read_torchvision


@functools.cache
def narrow(name: str) -> ModelConfig:
    """As wide as torchvision up to the pyramid, narrow behind it."""
    return preset(name).with_(cascade__box_hidden=8, cascade__mask_channels=8)


@functools.cache
def resnet() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return resnet50(weights=None).state_dict()


def mask_rcnn() -> dict[str, Tensor]:
    """The names of torchvision's detectors; only the parts that matter."""
    body = {f"backbone.body.{k}": v for k, v in resnet().items() if not k.startswith("fc")}
    body = {k: v for k, v in body.items() if "num_batches" not in k}  # its norms are frozen
    for i, width in enumerate((256, 512, 1024, 2048)):
        body[f"backbone.fpn.inner_blocks.{i}.0.weight"] = torch.full((256, width, 1, 1), float(i))
        body[f"backbone.fpn.layer_blocks.{i}.0.bias"] = torch.full((256,), float(i))
    body["roi_heads.box_head.fc6.bias"] = torch.zeros(1024)
    return body


def test_a_resnet_starts_every_look_and_its_classifier_is_left() -> None:
    start = start_from(resnet(), narrow("detectors-cascade-r50"))
    state = start.detector.state_dict()
    for look in range(2):
        key = f"features.backbones.{look}.layer3.1.conv2.weight"
        assert torch.equal(state[key], resnet()["layer3.1.conv2.weight"])
        conv = start.detector.get_submodule(f"features.backbones.{look}.layer2.0.conv1")
        torch.testing.assert_close(
            conv.standardised(),
            conv.weight,
            rtol=1e-3,
            atol=1e-5,  # type: ignore[operator]
        )
    by_ours = {row.ours: row for row in start.rows if row.ours}
    assert set(by_ours) == set(state)
    assert by_ours["features.backbones.1.conv1.weight_gamma"].status == "computed"
    assert by_ours["features.backbones.1.layer2.0.feedback.weight"].status == "missing"
    left = [row.theirs for row in start.rows if row.status == "left over"]
    assert sorted(map(str, left)) == ["fc.bias", "fc.weight"]


def test_a_mask_rcnn_brings_its_pyramid() -> None:
    start = start_from(mask_rcnn(), narrow("cascade-r50"))
    state = start.detector.state_dict()
    assert (state["features.fpn.laterals.2.weight"] == 2).all()
    assert (state["features.fpn.outputs.3.bias"] == 3).all()
    assert torch.equal(state["features.backbone.conv1.weight"], resnet()["conv1.weight"])
    left = [(row.theirs, row.note) for row in start.rows if row.status == "left over"]
    assert left == [("roi_heads.box_head.fc6.bias", "of another head")]
    narrow_pyramid = narrow("cascade-r50").with_(pyramid__channels=16)
    notes = {row.note for row in start_from(mask_rcnn(), narrow_pyramid).rows}
    assert "of another shape" in notes


def test_the_rest_is_the_same_at_every_start() -> None:
    one = start_from(resnet(), narrow("cascade-r50")).detector.state_dict()
    two = start_from(resnet(), narrow("cascade-r50")).detector.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_another_backbone_is_refused() -> None:
    with torch.device("meta"):
        wide = wide_resnet50_2(weights=None).state_dict()
    with pytest.raises(ModelError, match="do not fit the backbone"):
        start_from(wide, narrow("cascade-r50"))
    with pytest.raises(ModelError, match="no backbone in it"):
        start_from({"fc.weight": torch.zeros(1)}, narrow("cascade-r50"))


def test_without_a_preset_it_is_explained() -> None:
    assert "of a ResNet" in str(torchvision_refusal(resnet()))
    assert "Mask or Faster R-CNN" in str(torchvision_refusal(mask_rcnn()))


@torch.no_grad()
def test_the_first_pyramid_of_detectors_is_that_of_mask_rcnn() -> None:
    model = theirs(masks=True, second=False, frozen=True)
    state = model.state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    config = read_torchvision(shapes).config.with_(
        backbone__weight_standardisation=True,
        backbone__sac=SACConfig(),
        backbone__norm_eps=1e-5,
        pyramid__steps=2,
        numerics="v2",
    )
    start = start_from(state, config)
    pixels = torch.rand(1, 3, 96, 128)
    ours, expected = start.detector.features(pixels), list(model.backbone(pixels).values())
    for level, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(level, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
    ranks = start.detector.rpn(ours).logits
    scores, _ = model.rpn.head(expected)
    torch.testing.assert_close(
        ranks[0, : scores[0].numel()],
        scores[0][0].permute(1, 2, 0).flatten(),
        rtol=1e-3,
        atol=1e-3 * float(scores[0].abs().max()),
    )
    missing = [row.ours for row in start.rows if row.status == "missing"]
    assert all(not str(name).startswith(("features.fpn", "rpn.")) for name in missing)
