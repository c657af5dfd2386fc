"""Files are told apart by the names of their tensors."""

from __future__ import annotations

import pytest
from theirs import full_shapes, narrow_shapes

from relook.errors import ModelError
from relook.interop.families import REFUSED, identify


def old_names(name: str = "detectors_htc_r50") -> dict[str, tuple[int, ...]]:
    return {
        key.removeprefix("roi_head.").replace("neck.rfp", "rfp"): shape
        for key, shape in narrow_shapes(name).items()
    }


def test_families_that_are_covered() -> None:
    assert identify(full_shapes()) == "mmdet"
    assert identify(old_names()) == "mmdet-v1"
    assert identify(full_shapes("dsc_r50")) == "mmdet"
    assert identify({"features.backbone.conv1.weight": (64, 3, 7, 7)}) == "relook"
    assert identify({"cascade.guidance_heads.0.upsample.bias": (256,)}) == "relook"
    assert identify({"roi_head.bbox_head.fc_cls.weight": (81, 1024)}) == "mmdet"
    detection = {"backbone.body.conv1.weight": (64, 3, 7, 7), "roi_heads.box_head.fc6.bias": (9,)}
    assert identify(detection) == "torchvision"
    stages = ("conv1", "layer1.0.conv1", "layer4.0.conv1", "fc")
    assert identify({f"{name}.weight": (1,) for name in stages}) == "torchvision"


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("roi_head.glbctx_head.fc.weight", "SCNet"),
        ("backbone.bottom_up.stem.conv1.weight", "Detectron2"),
        ("bbox_head.fc_cls.weight", "Faster or Mask R-CNN of MMDetection 1"),
        ("bbox_head.retina_cls.weight", "single-stage"),
        ("backbone.patch_embed.projection.weight", "another backbone"),
        ("roi_head.bbox_head.0.dynamic_layer.bias", "queries"),
        ("roi_head.mask_head.0.instance_interactive_conv.fc.bias", "QueryInst"),
        ("roi_head.bbox_head.0.instance_interactive_conv.fc.bias", "Sparse R-CNN"),
        ("backbone.layer1.0.convs.0.weight", "Res2Net"),
    ],
)
def test_families_that_are_not_are_called_by_name(key: str, named: str) -> None:
    with pytest.raises(ModelError, match=named) as caught:
        identify({"backbone.conv1.weight": (64, 3, 7, 7), key: (1,)})
    assert caught.value.code == "M04"


def test_no_reference_model_matches_a_refusal() -> None:
    assert len({refused.name for refused in REFUSED}) == len(REFUSED)
    for name in ("cascade_r50_sac", "detectors_htc_r101", "htc_x101_64x4d_dcn", "dsc_r50"):
        assert identify(full_shapes(name)) == "mmdet"


def test_unknown_names_are_shown() -> None:
    with pytest.raises(ModelError, match=r"encoder\.0\.weight"):
        identify({"encoder.0.weight": (3,)})
    with pytest.raises(ModelError, match="none at all"):
        identify({})
