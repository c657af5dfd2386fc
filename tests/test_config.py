"""Configuration: closed, immutable, and helpful about typos."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from relook.config import (
    BackboneConfig,
    HTCConfig,
    InputConfig,
    ModelConfig,
    SACConfig,
    assign,
    overlay,
    validated,
)
from relook.errors import UsageError
from relook.presets import PRESETS, preset


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": {"widht": 32}}, "unknown key backbone.widht; did you mean 'width'"),
        ({"semantics": None}, "unknown key semantics; did you mean 'semantic'"),
        ({"backbone": {"sac": {"raet": 2}}}, "unknown key backbone.sac.raet; did you mean 'rate'"),
        ({"num_classes": 0}, "num_classes: .*greater than 0, got 0"),
        ({"num_classes": "many"}, "num_classes: .*integer.*got 'many'"),
        ({"cascade": {"nms_iou": 1.5}}, "cascade.nms_iou: .*less than or equal to 1, got 1.5"),
        ({"backbone": {"norm": "layer"}}, "backbone.norm: .*'fixed_batch', 'batch' or 'group'"),
        ({"input": {"size": [600, 800]}}, r"input: size is \(long, short\)"),
        ({"numerics": "v3"}, "numerics: .*'v2' or 'v1', got 'v3'"),
        ({"backbone": 7}, "backbone: "),
        ({"cascade": {"stages": []}}, "cascade.stages: .*at least 1"),
    ],
)
def test_mistakes_are_named_by_their_path(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        overlay(ModelConfig(), changes)


def test_parts_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="needs weight_standardisation"):
        BackboneConfig().with_(sac=SACConfig())
    with pytest.raises(UsageError, match="stage 2 cannot be both"):
        preset("htc-r50-sac").with_(backbone__deformable_stages=(False, True, False, False))
    with pytest.raises(UsageError, match="without masks"):
        HTCConfig().with_(masks=False)


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


def test_configurations_are_immutable_and_round_trip_through_plain_data() -> None:
    for entry in PRESETS.values():
        assert validated(ModelConfig, entry.config.model_dump(mode="json")) == entry.config
    with pytest.raises(ValidationError, match="frozen"):
        InputConfig().size = (1, 1)  # type: ignore[misc]


def test_paths_are_assigned_into_nested_mappings() -> None:
    tree: dict[str, Any] = {}
    assign(tree, ["a", "b"], 1)
    assign(tree, ["a", "c"], 2)
    assert tree == {"a": {"b": 1, "c": 2}}
    with pytest.raises(UsageError, match=r"a\.b\.d: b has already been given a value"):
        assign(tree, ["a", "b", "d"], 3)
