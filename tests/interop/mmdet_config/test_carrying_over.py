"""Whole configurations of MMDetection come to what our presets say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from their_configs import write_tree

from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet_config.carrying_over import Carried, carry_over
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config
from relook.interop.mmdet_config.unreadable import Unreadable
from relook.training.recipe import Recipe

_OTHER = ModelConfig().with_(
    backbone__blocks=(1, 1, 1, 1),
    backbone__groups=2,
    backbone__frozen_stages=0,
    backbone__norm="group",
    pyramid__steps=3,
    cascade__select__score_threshold=0.9,
    cascade__select__nms_iou=0.9,
    cascade__sample__match_low_quality=False,
    cascade__select__max_detections=7,
    cascade__sample__per_image=7,
    rpn__anchors__scale=3,
    rpn__test__proposals=7,
    rpn__test__nms_iou=0.1,
    rpn__train__nms_iou=0.1,
    semantic__num_classes=7,
    semantic__loss_weight=7,
    input__size=(9, 9),
    input__mean=(0, 0, 0),
    num_classes=3,
)
"""A start from which everything has to come out of the file."""


@pytest.fixture(scope="module", params=[2, 3])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("configs"), request.param)


def _carried(tree: Path, name: str, base: ModelConfig = _OTHER) -> Carried:
    return carry_over(read_mmdet_config(tree / f"{name}.py").values, base)


@pytest.mark.parametrize(
    ("name", "ours", "changes"),
    [
        ("htc/htc", "htc-r50", {}),
        ("htc/dcn", "htc-x101-64x4d-dcn", {"cascade__select__suppression": "soft_nms"}),
        ("cascade/cascade", "cascade-r50", {}),
        ("detectors/detectors", "detectors-htc-r50", {}),
    ],
)
def test_published_models(tree: Path, name: str, ours: str, changes: dict[str, Any]) -> None:
    carried = _carried(tree, name)
    expected = preset(ours).with_(**changes)
    if expected.cascade.masks is False:  # what has no mask head says nothing of its width
        assert carried.config.cascade.mask_channels == expected.cascade.mask_channels
    assert carried.config == expected
    assert carried.conflicts == ()
    assert carried.style == "pytorch"
    assert len(carried.used) > 150


def test_without_a_semantic_branch(tree: Path) -> None:
    carried = _carried(tree, "htc/htc_without_semantic")
    assert carried.config == preset("htc-r50").with_(semantic=None)


def test_schedules(tree: Path) -> None:
    recipe = Recipe.model_validate(_carried(tree, "htc/htc").recipe)
    assert recipe.epochs == 12 and recipe.step_epochs == (8, 11)
    assert (recipe.reference_lr, recipe.reference_batch) == (0.02, 16)
    assert (recipe.warmup_iterations, recipe.warmup_ratio) == (500, 0.001)
    recipe = Recipe.model_validate(_carried(tree, "htc/dcn").recipe)
    assert recipe.epochs == 20 and recipe.step_epochs == (16, 19)
    assert recipe.augment.size == ((1600, 400), (1600, 1400))


def test_a_published_file_leaves_few_lines(tree: Path) -> None:
    for name in ("htc/htc", "htc/dcn", "cascade/cascade", "detectors/detectors"):
        carried = _carried(tree, name)
        assert len(carried.ignored) == 3, carried.ignored
        assert any("reading and augmenting" in line for line in carried.ignored)
        assert any("logging" in line for line in carried.ignored)


def test_nothing_is_lost(tree: Path) -> None:
    """Every plain value is used, ignored, or counted in a group."""
    values = read_mmdet_config(tree / "detectors" / "detectors.py").values
    values["model"]["backbone"]["plugins"] = [{"cfg": {"type": "ContextBlock"}}]
    values["model"]["novelty"] = {"a": 1}
    values["model"]["roi_head"]["bbox_head"][1]["loss_cls"]["type"] = "FocalLoss"
    values["optimizer"] = {"type": "SGD", "lr": 0.1, "nesterov": True}
    values["custom_imports"] = {"imports": ["their.module"]}
    values["surprise"] = 3
    carried = carry_over(values, _OTHER)
    assert carried.ignored[0].startswith("in conflict: model.")
    assert len(carried.conflicts) == 2, carried.conflicts
    text = "\n".join(carried.ignored)
    for path in (
        "model.backbone.plugins",
        "model.roi_head.bbox_head.1.loss_cls.type = 'FocalLoss'",
        "model.novelty.a = 1: relook has no such setting",
        "custom_imports",
        "surprise",
    ):
        assert path in text


def test_a_fragment_changes_what_it_says_only() -> None:
    base = preset("detectors-htc-r50")
    carried = carry_over({"model": {"test_cfg": {"rcnn": {"score_thr": 0.3}}}}, base)
    assert carried.config == base.with_(cascade__select__score_threshold=0.3)
    assert carried.recipe == {} and carried.classes is None and carried.style is None
    assert carried.used == (
        "model.test_cfg.rcnn.score_thr = 0.3 -> cascade.select.score_threshold",
    )
    assert carry_over({}, base).config == base


def test_values_that_are_not_known_are_counted() -> None:
    carried = carry_over({"data": Unreadable("run()", "f.py, line 1"), "work_dir": "x"}, _OTHER)
    assert carried.config == _OTHER
    assert any("1 of them could not be read" in line for line in carried.ignored)


def test_long_groups_are_shortened() -> None:
    carried = carry_over({f"name{i}": i for i in range(500)}, _OTHER)
    assert len(carried.ignored) == 1
    assert "and 488 more: 500 values" in carried.ignored[0]
