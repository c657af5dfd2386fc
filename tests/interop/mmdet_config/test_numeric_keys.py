"""No value that changes predictions is ignored."""

from __future__ import annotations

from typing import Any

import pytest
from their_configs import write_tree

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import ANY, Account
from relook.interop.mmdet_config.carrying_over import carry_over
from relook.interop.mmdet_config.fixed_numerics import expected
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config
from relook.interop.mmdet_config.numeric_keys import changes_numbers

_CARRIED = (
    "model.rpn_head.anchor_generator.scales",
    "model.rpn_head.anchor_generator.ratios",
    "model.roi_head.bbox_head.*.bbox_coder.target_stds",
    "model.test_cfg.rcnn.score_thr",
    "model.test_cfg.rcnn.nms.iou_threshold",
    "model.test_cfg.rcnn.nms.type",
    "model.test_cfg.rcnn.max_per_img",
    "model.test_cfg.rpn.nms_pre",
    "model.test_cfg.rpn.nms.iou_threshold",
    "model.test_cfg.rpn.min_bbox_size",
    "model.backbone.style",
    "data.test.pipeline.1.transforms.2.mean",
    "data.test.pipeline.1.transforms.2.to_rgb",
)
"""Keys whose values are carried over, and do not have to be one of a few."""


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tree = write_tree(tmp_path_factory.mktemp("configs"), 2)
    return read_mmdet_config(tree / "htc" / "htc.py").values


def _replaced(tree: Any, path: list[str], value: Any) -> Any:
    """A copy of nested values with another one at `path`; ``*`` is every item of a list."""
    if not path:
        return value
    first, *more = path
    if isinstance(tree, list | tuple) and first == "*":
        return [_replaced(item, more, value) for item in tree]
    if first == "*":
        return _replaced(tree, more, value)
    if isinstance(tree, list | tuple):
        return [_replaced(x, more, value) if str(i) == first else x for i, x in enumerate(tree)]
    return {**tree, first: _replaced(tree.get(first, {}), more, value)}


def test_an_unknown_value_is_a_conflict_that_counts(values: dict[str, Any]) -> None:
    fixed = {
        pattern: allowed
        for pattern, allowed in expected(ModelConfig(), "model.train_cfg", "model.test_cfg").items()
        if changes_numbers(pattern) and ANY not in allowed
    }
    assert {"sampling_ratio", "finest_scale", "strides", "featmap_strides"} <= {
        pattern.rpartition(".")[2] for pattern in fixed
    }
    for pattern in (*fixed, *_CARRIED):
        if pattern.startswith(("model.neck.rfp_backbone", "model.data_preprocessor")):
            continue  # of other models and of version 3
        changed = _replaced(values, pattern.split("."), "something new")
        differing = carry_over(changed, ModelConfig()).differing
        account = Account(changed, ModelConfig())
        assert any(
            line.startswith(path) for line in differing for path in account.expand(pattern)
        ), (pattern, differing)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("model.roi_head.bbox_roi_extractor.roi_layer.sampling_ratio", True),
        ("model.rpn_head.bbox_coder.type", True),
        ("model.roi_head.bbox_head.0.loss_cls.type", True),
        ("model.roi_head.bbox_head.0.loss_bbox.type", False),
        ("model.rpn_head.loss_cls.type", False),
        ("model.train_cfg.rcnn.0.assigner.pos_iou_thr", False),
        ("model.backbone.frozen_stages", False),
        ("model.test_cfg.rcnn.score_thr", True),
        ("test_cfg.rcnn.score_thr", True),
        ("test_cfg.type", False),
        ("img_norm_cfg.std", True),
        ("data.test.pipeline.1.transforms.0.keep_ratio", True),
        ("optimizer.lr", False),
        ("data.train.classes", False),
    ],
)
def test_keys(path: str, answer: bool) -> None:
    assert changes_numbers(path) is answer
