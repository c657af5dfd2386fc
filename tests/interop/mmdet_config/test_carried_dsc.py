"""Configurations of DSC: what guides the boxes, and which of the two variants it is."""

from __future__ import annotations

from typing import Any

import pytest
from their_configs import guided, write_tree

from relook.config.cascades import DSCConfig
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_dsc import carry_final_masks, carry_guidance, guidance_size
from relook.interop.mmdet_config.carrying_over import carry_over
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config
from relook.interop.mmdet_config.unreadable import Unreadable
from relook.structures.rules.guidance import GuidanceRule


@pytest.fixture(scope="module")
def htc(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tree = write_tree(tmp_path_factory.mktemp("configs"), 2)
    return read_mmdet_config(tree / "htc" / "htc.py").values


def sized(*sizes: Any) -> dict[str, Any]:
    return {"train_cfg": {"rcnn": [{"mask_size": size} for size in sizes]}}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((28, 28, 28, 28), 14),
        ((14, 14, 14, 28), 7),
        ((14, 28), 7),
        ((14, 14, 14), None),
        ((14, 28, 14, 28), None),
        ((56, 56, 56, 28), None),
        ((28, 28, 28, 56), None),
        ((28,), None),
        ((), None),
        ((28, "28", 28, 28), None),
        ((14, Unreadable("a call", "f.py"), 28), None),
    ],
)
def test_the_masks_of_a_training_say_which_variant_it_is(
    sizes: tuple[Any, ...], expected: int | None
) -> None:
    kinds: list[dict[str, Any]] = [{"type": "mmdet.DSC"}, {"roi_head": {"type": "DSCRoIHead"}}]
    for model in kinds:
        assert guidance_size({"model": model} | sized(*sizes)) == expected
        assert guidance_size({"model": model | sized(*sizes)}) == expected


def test_masks_of_other_models_say_nothing(htc: dict[str, Any]) -> None:
    assert guidance_size(htc) is guidance_size({}) is guidance_size(sized(14, 28)) is None
    assert guidance_size(guided(htc, 7)) == 7


@pytest.mark.parametrize(("side", "name"), [(14, "dsc-r50"), (7, "fast-dsc-r50")])
def test_a_whole_configuration(htc: dict[str, Any], side: int, name: str) -> None:
    wrong = {
        "sample": {"per_image": 9},
        "rows": {"mask_iou": 0.1},
        "select": {"nms_iou": 0.1},
        "box_hidden": 9,
    }
    base = preset("dsc-r50").with_(num_classes=3, cascade=wrong)
    carried = carry_over(guided(htc, side), base)
    assert carried.conflicts == ()
    assert carried.config == preset(name)
    assert any("mask_size" in line and "guidance.side" in line for line in carried.used)
    weights = [line for line in carried.ignored if "stage_loss_weights" in line]
    assert len(weights) == 1 and "cascade.stages" in weights[0]


def test_it_makes_any_model_a_dsc_and_back(htc: dict[str, Any]) -> None:
    found = carry_over(guided(htc, 7), ModelConfig()).config
    assert (found.cascade, found.rpn) == (preset("fast-dsc-r50").cascade, preset("dsc-r50").rpn)
    assert carry_over(htc, found).config == preset("htc-r50")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "HybridTaskCascade"),
        ("roi_head.bbox_roi_extractor.roi_layer.output_size", 14),
        ("roi_head.bbox_roi_extractor.type", "SingleRoIExtractor"),
        ("roi_head.bbox_head.1.conv_res", None),
        ("roi_head.bbox_head.1.conv_res", 3),
        ("roi_head.bbox_head.2.reg_class_agnostic", False),
        ("roi_head.mpn.1.class_agnostic", False),
        ("roi_head.mpn.1.num_convs", 2),
        ("roi_head.mask_head.class_agnostic", True),
        ("train_cfg.rcnn.1.mask_size", 56),
        ("train_cfg.rcnn.3.mask_size", 14),
        ("train_cfg.rcnn.3.assigner.neg_iou_thr", 0.3),
        ("train_cfg.rcnn.0.assigner.match_low_quality", True),
        ("train_cfg.rcnn.2.assigner.match_low_quality", True),
        ("train_cfg.rcnn.2.sampler.add_gt_as_proposals", True),
        ("train_cfg.rcnn.1.sampler.type", "RandomSampler"),
    ],
)
def test_what_relook_does_otherwise_is_a_conflict(
    htc: dict[str, Any], path: str, value: Any
) -> None:
    values = guided(htc, 14)
    place: Any = values["model"]
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    place[last] = value
    conflicts = carry_over(values, preset("dsc-r50")).conflicts
    assert any(line.startswith(f"model.{path}") for line in conflicts), conflicts


def test_what_a_sampler_that_keeps_all_is_told_changes_nothing(htc: dict[str, Any]) -> None:
    values = guided(htc, 14)
    values["model"]["train_cfg"]["rcnn"][2]["sampler"] |= {"num": 7, "pos_fraction": 0.9}
    carried = carry_over(values, preset("dsc-r50"))
    assert carried.conflicts == () and carried.config == preset("dsc-r50")


def test_thresholds_of_stages_and_final_masks() -> None:
    rcnn = [{"assigner": {"pos_iou_thr": iou}} for iou in (0.4, 0.5, 0.65)]
    values = {"model": {"roi_head": {"type": "DSCRoIHead"}, "train_cfg": {"rcnn": rcnn}}}
    cascade = carry_over(values, preset("dsc-r50")).config.cascade
    assert isinstance(cascade, DSCConfig)
    assert [stage.iou for stage in cascade.stages] == [0.4, 0.5]
    assert (cascade.rows.mask_iou, cascade.guidance.side) == (0.65, 14)


def test_parts_say_what_they_carry() -> None:
    account = Account(
        sized(14, 28) | {"model": {"roi_head": {"type": "DSCRoIHead"}}}, ModelConfig()
    )
    carry_guidance(account, "train_cfg")
    carry_final_masks(account, "train_cfg")  # no threshold is there
    assert account.config.cascade == DSCConfig(guidance=GuidanceRule(side=7))
    assert len(account.used) == 3 and not account.ignored


def test_what_samples_features_in_the_next_boxes_is_as_here(htc: dict[str, Any]) -> None:
    values = guided(htc, 14)
    extractor = {
        "type": "RelativeRoIExtractor",
        "roi_layer": {"type": "RoIAlign", "output_size": 14, "sampling_ratio": 0},
        "out_channels": 256,
        "featmap_strides": [1.0],
    }
    values["model"]["roi_head"]["relative_extractor"] = [extractor] * 3
    carried = carry_over(values, preset("dsc-r50"))
    assert not carried.differing
    assert not any("relative_extractor" in line for line in carried.ignored)
    extractor["roi_layer"]["sampling_ratio"] = 2  # type: ignore[index]
    carried = carry_over(values, preset("dsc-r50"))
    assert len(carried.differing) == 3
