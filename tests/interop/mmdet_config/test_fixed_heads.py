"""What heads do in one way only; tests of whole files are in test_fixed_numerics.py and
test_carried_dsc.py."""

from __future__ import annotations

from relook.config.cascades import DSCConfig, HTCConfig
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet_config.account import ANY
from relook.interop.mmdet_config.fixed_heads import expected_draws, expected_heads
from relook.structures.rules.guidance import GuidanceRule

HEADS = "model.roi_head"


def test_heads_are_those_of_the_cascade() -> None:
    htc, dsc = expected_heads(ModelConfig()), expected_heads(preset("fast-dsc-r50"))
    assert htc[f"{HEADS}.type"] == ("CascadeRoIHead", "HybridTaskCascadeRoIHead")
    assert dsc[f"{HEADS}.type"] == ("DSCRoIHead",)
    assert htc[f"{HEADS}.mask_head.*.with_conv_res"] == (True,)
    assert f"{HEADS}.mask_head.*.with_conv_res" not in dsc
    assert dsc[f"{HEADS}.mpn.*.class_agnostic"] == (True,)
    assert dsc[f"{HEADS}.mask_roi_extractor.*.roi_layer.out_size"] == (7, 14)
    for allowed in (htc, dsc):
        assert allowed[f"{HEADS}.bbox_head.*.fc_out_channels"] == (1024,)
        assert allowed[f"{HEADS}.semantic_head.fusion_level"] == (1,)


def test_what_projects_mask_features_follows_the_configuration() -> None:
    path = f"{HEADS}.bbox_head.*.conv_res"
    config = preset("dsc-r50")
    assert expected_heads(config)[path] == (1,)
    assert expected_heads(config.with_(cascade__fuse_kernel=3))[path] == (3,)
    assert expected_heads(config.with_(cascade__guidance__implicit=False))[path] == (None,)


def test_rois_are_drawn_in_every_stage_or_once() -> None:
    htc = expected_draws(HTCConfig(), "t")
    assert htc["t.*.sampler.type"] == ("RandomSampler",) and htc["t.*.mask_size"] == (28,)
    dsc = expected_draws(DSCConfig(guidance=GuidanceRule(side=7)), "t")
    assert dsc["t.0.sampler.type"] == ("RandomSampler",)
    assert dsc["t.1.sampler.type"] == ("PseudoSampler", "DSCPseudoSampler")
    assert dsc["t.1.sampler.num"] == (ANY,) and dsc["t.0.sampler.num"] == (512,)
    assert [dsc[f"t.{i}.mask_size"] for i in range(4)] == [(14,), (14,), (14,), (28,)]
    assert dsc["t.3.assigner.pos_iou_thr"] == (0.7,)
