"""What can be chosen about a model, and which choices are refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from relook.config.base import overlay, validated
from relook.config.cascades import DSCConfig, HTCConfig
from relook.config.model import BackboneConfig, ModelConfig, SACConfig
from relook.config.presets import PRESETS, preset
from relook.errors import UsageError
from relook.structures.rules.cascade import STAGES, SelectRule
from relook.structures.rules.guidance import GuidanceRule, IterationRule

DSC = preset("dsc-r50")
TWO = tuple(IterationRule(iou=stage.iou, std=stage.std) for stage in STAGES[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": {"widht": 32}}, "unknown key backbone.widht; did you mean 'width'"),
        ({"semantics": None}, "unknown key semantics; did you mean 'semantic'"),
        ({"backbone": {"sac": {"raet": 2}}}, "unknown key backbone.sac.raet; did you mean 'rate'"),
        ({"num_classes": 0}, "num_classes: .*greater than 0, got 0"),
        ({"num_classes": "many"}, "num_classes: .*integer.*got 'many'"),
        (
            {"cascade": {"select": {"nms_iou": 1.5}}},
            "cascade.select.nms_iou: .*less than or equal to 1, got 1.5",
        ),
        ({"backbone": {"norm": "layer"}}, "backbone.norm: .*'fixed_batch', 'batch' or 'group'"),
        ({"input": {"size": [600, 800]}}, r"input: size is \(long, short\)"),
        ({"numerics": "v3"}, "numerics: .*'v1' or 'torchvision', got 'v3'"),
        ({"backbone": 7}, "backbone: "),
        ({"cascade": {"stages": []}}, "cascade.stages: .*at least 1"),
        ({"semantic": {"padding_label": 256}}, "semantic.padding_label: .*got 256"),
        ({"cascade": {"kind": "dcs"}}, "cascade: kind must be htc or dsc, got .*'dcs'"),
        ({"cascade": {"guidance": {}}}, "unknown key cascade.guidance"),
        ({"rpn": {"trian": {}}}, "unknown key rpn.trian; did you mean 'train'"),
        ({"rpn": {"train": {"proposls": 1}}}, "key rpn.train.proposls; did you mean 'proposals'"),
        ({"rpn": {"train": {"min_bbox_size": float("inf")}}}, "rpn.train.min_bbox_size: .*got inf"),
        ({"semantic": {"fuse": {"box": True}}}, "unknown key semantic.fuse.box; .*'boxes'"),
        ({"stuff": {"groups": 7}}, "stuff: 128 channels cannot be shared by 7 groups"),
    ],
)
def test_mistakes_are_named_by_their_path(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        overlay(ModelConfig(), changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guidnce": {}}, "unknown key cascade.guidnce; did you mean 'guidance'"),
        ({"guidance": {"sise": 7}}, "unknown key cascade.guidance.sise; did you mean 'side'"),
        ({"hybrid": {}}, "unknown key cascade.hybrid"),
        ({"guidance": {"side": 10}}, "cascade.guidance.side: .*7 or 14, got 10"),
        ({"guidance": 7}, "cascade.guidance: .*dictionary or an instance of GuidanceRule, got 7"),
        ({"guidance": GuidanceRule(side=10)}, "cascade.guidance.side: .*7 or 14, got 10"),
        ({"stages": [{"iou": 0.5}]}, r"cascade\.stages\.0\.std: .*required"),
        (
            {"stages": [{"iou": 0.5, "std": [1, 1, 1, 1], "loss_weight": 1}]},
            r"unknown key cascade\.stages\.0\.loss_weight; did you mean 'class_weight'",
        ),
        (
            {"guidance": {"enlarge_ratios": [2, 1.5]}},
            "cascade: guidance.enlarge_ratios .* each of the 3 stages",
        ),
        (
            {"guidance": {"enlarge_ratios": [2, 1.5, 0.9]}},
            r"cascade\.guidance\.enlarge_ratios\.2: .*got 0.9",
        ),
        (
            {"guidance": {"alignment": "none", "enlarge_ratios": [2, 1, 1]}},
            "cascade.guidance: alignment none needs enlarge_ratios of 1",
        ),
        (
            {"guidance": {"alignment": "recompute", "enlarge_ratios": [1, 1, 1.5]}},
            "cascade.guidance: alignment recompute needs enlarge_ratios of 1",
        ),
        ({"rows": {"score_stages": []}}, "cascade: rows.score_stages must .* the stages 0 to 2"),
        ({"rows": {"score_stages": [1, 3]}}, "cascade: rows.score_stages must .* stages 0 to 2"),
        ({"rows": {"score_stages": [-1]}}, r"cascade\.rows\.score_stages\.0: .*got -1"),
        ({"rows": {"score_stages": [1, 1]}}, "cascade: rows.score_stages names a stage twice"),
        (
            {"guidance": {"clip_into_previous": True}},
            "cascade.guidance: clip_into_previous needs clip_to_image",
        ),
        ({"fuse_kernel": 2}, "cascade: fuse_kernel must be odd"),
        ({"fuse_kernel": 9}, "cascade.fuse_kernel: .*got 9"),
        ({"rows": {"at_a_time": 0}}, "cascade.rows.at_a_time: .*got 0"),
        ({"sample": {"match_low_quality": True}}, "cascade: sample.match_low_quality .* kind htc"),
    ],
)
def test_mistakes_about_dsc_are_named_without_its_kind(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        overlay(DSC, {"cascade": changes})
    assert "cascade.dsc" not in str(caught.value)


def test_parts_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="needs weight_standardisation"):
        BackboneConfig().with_(sac=SACConfig())
    with pytest.raises(UsageError, match="stage 2 cannot be both"):
        preset("htc-r50-sac").with_(backbone__deformable_stages=(False, True, False, False))
    with pytest.raises(UsageError, match="without masks"):
        HTCConfig().with_(masks=False)
    with pytest.raises(UsageError, match="belongs to cascades of kind htc"):
        DSC.with_(numerics="v1")


def test_an_overlay_changes_only_what_it_names() -> None:
    base = preset("detectors-htc-r50")
    changed = overlay(base, {"backbone": {"sac": {"rate": 2}}, "num_classes": 3})
    assert changed.backbone.sac == SACConfig(rate=2) and changed.num_classes == 3
    assert changed.with_(backbone__sac__rate=3, num_classes=80) == base
    assert base.backbone.sac == SACConfig()


def test_optional_parts_switch_off_with_null_and_on_with_defaults() -> None:
    base = preset("htc-r50")
    off = overlay(base, {"semantic": None})
    assert off.semantic is None
    on = overlay(off, {"semantic": {"num_classes": 4}})
    assert on.semantic is not None
    assert (on.semantic.num_classes, on.semantic.loss_weight) == (4, 0.2)


def test_presets_round_trip_through_plain_data() -> None:
    for entry in PRESETS.values():
        assert validated(ModelConfig, entry.config.model_dump(mode="json")) == entry.config


def test_switching_the_cascade_starts_from_the_other_ones_defaults() -> None:
    base = preset("htc-r50").with_(cascade__box_hidden=99, num_classes=5)
    dsc = overlay(base, {"cascade": {"kind": "dsc", "guidance": {"side": 7}}})
    assert dsc == base.with_(cascade=DSCConfig(guidance=GuidanceRule(side=7)))
    assert overlay(dsc, {"cascade": {"kind": "htc"}}).cascade == HTCConfig()
    again = overlay(dsc, {"cascade": {"kind": "dsc", "guidance": {"plus_one": False}}})
    assert again.cascade == DSCConfig(guidance=GuidanceRule(side=7, plus_one=False))


def test_a_cascade_that_does_not_say_its_kind_is_an_htc() -> None:
    config = ModelConfig.model_validate({"cascade": {"select": {"nms_iou": 0.4}}})
    assert config.cascade == HTCConfig(select=SelectRule(nms_iou=0.4))
    for wrong in (3, None, {"kind": "other"}, {"kind": ["dsc"]}):
        with pytest.raises(UsageError, match=r"U03: cascade: kind must be htc or dsc, got"):
            overlay(config, {"cascade": wrong})


def test_stages_are_given_whole() -> None:
    stages = [asdict(stage) for stage in TWO]
    assert overlay(DSC, {"cascade": {"stages": stages}}).cascade.stages == TWO


def test_stages_of_dsc_are_those_of_the_reference() -> None:
    stages = DSCConfig().stages
    assert [(s.iou, s.std) for s in stages] == [(s.iou, s.std) for s in STAGES]
    assert [s.box_weight for s in stages] == [1.0, 0.5, 0.5]
    assert {s.class_weight for s in stages} == {s.guide_weight for s in stages} == {1.0}


def test_the_paper_differs_where_the_code_does() -> None:
    base, paper = DSCConfig(), DSCConfig.paper()
    assert {key for key, value in paper if value != getattr(base, key)} == {"guidance"}
    ours, theirs = asdict(base.guidance), asdict(paper.guidance)
    assert {key for key, value in theirs.items() if value != ours[key]} == {
        "product",
        "clip_to_image",
        "clip_into_previous",
        "target_frame",
        "last_box_frame",
    }
