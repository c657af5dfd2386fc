"""Backbones, read from shapes."""

from __future__ import annotations

import pytest
from theirs import Shapes as Named
from theirs import full_shapes, narrow_shapes

from relook.config.model import BackboneConfig
from relook.errors import ModelError
from relook.interop.backbone_shapes import read_backbone
from relook.interop.shapes import Shapes


def read(shapes: Named) -> tuple[BackboneConfig, list[str]]:
    facts: list[str] = []
    return read_backbone(Shapes(shapes), facts.append), facts


def test_kinds() -> None:
    r50, facts = read(full_shapes("htc_r50"))
    assert (r50.blocks, r50.width, r50.groups, r50.weights) == ((3, 4, 6, 3), 64, 1, "resnet50")
    assert r50.sac is None and not r50.weight_standardisation
    assert "ResNet-50" in facts[0]
    x101, facts = read(full_shapes("htc_x101_32x4d"))
    assert (x101.groups, x101.width_per_group, x101.weights) == (32, 4, "resnext101_32x4d")
    assert "ResNeXt-101 32x4d" in facts[0]
    dcn, facts = read(full_shapes("htc_x101_64x4d_dcn"))
    assert dcn.deformable_stages == (False, True, True, True) and "stages 2, 3, 4" in facts[1]


def test_sac_and_standardisation_are_told_apart() -> None:
    sac, _ = read(full_shapes("cascade_r50_sac"))
    assert sac.sac is not None and sac.sac.deformable
    assert sac.sac.stages == (False, True, True, True)
    only_standardised, facts = read(full_shapes("cascade_r50_rfp"))
    assert only_standardised.sac is None and only_standardised.weight_standardisation
    assert "weight_gamma" in facts[-1]
    shapes = full_shapes("cascade_r50_sac")
    rigid = {k: s for k, s in shapes.items() if "offset_" not in k and "layer2" not in k}
    rigid |= {k: s for k, s in full_shapes("cascade_r50_rfp").items() if ".layer2." in k}
    found, _ = read(rigid)
    assert found.sac is not None and not found.sac.deformable
    assert found.sac.stages == (False, False, True, True)


def test_a_narrow_backbone_has_its_width_and_no_imagenet_weights() -> None:
    narrow, _ = read(narrow_shapes())
    assert (narrow.width, narrow.groups, narrow.width_per_group) == (8, 1, 64)
    assert narrow.weights is None


def test_old_names_of_offsets() -> None:
    shapes = full_shapes("htc_x101_64x4d_dcn")
    old = {key.replace("conv2.conv_offset", "conv2_offset"): s for key, s in shapes.items()}
    assert read(old)[0] == read(shapes)[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"backbone.layer2.0.conv2.conv_offset.weight": (27, 128, 3, 3)}, "DCN v2"),
        ({"backbone.layer4.0.conv2.weight": (512, 7, 3, 3)}, "whole number of groups"),
        ({"backbone.layer1.9.conv1.weight": (64, 64, 1, 1)}, "layer1.3 is missing"),
        ({"backbone.layer3.": None}, "layer3 is missing"),
        ({"backbone.conv1.": None}, "neither ResNet nor ResNeXt"),
        ({"backbone.bn1.": None}, "norm without stored statistics"),
        ({"backbone.layer1.0.conv2.weight_diff": (1,)}, ""),
    ],
)
def test_what_is_no_backbone_of_ours(changes: Named, reason: str) -> None:
    shapes = full_shapes()
    for key, shape in changes.items():
        if shape is None:
            shapes = {k: s for k, s in shapes.items() if not k.startswith(key)}
        else:
            shapes[key] = shape
    if not reason:
        assert read(shapes)[0].sac is not None
        return
    with pytest.raises(ModelError, match=reason):
        read(shapes)


def test_two_kinds_in_one_stage() -> None:
    shapes = full_shapes("cascade_r50_sac")
    shapes["backbone.layer2.0.conv2.conv_offset.weight"] = (18, 128, 3, 3)
    with pytest.raises(ModelError, match="is not valid"):
        read(shapes)


def test_a_regnet_is_called_by_name() -> None:
    with pytest.raises(ModelError, match="RegNet"):
        read(full_shapes("htc_r50") | {"backbone.conv1.weight": (32, 3, 3, 3)})
