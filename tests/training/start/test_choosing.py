"""The rule of the start: by the model that was named, the classes, the masks, and the machine."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.base import overlay
from relook.config.presets import preset
from relook.training.start.choosing import (
    BOXES_ONLY,
    GENERAL,
    ChosenStart,
    Shipped,
    choose_model,
    choose_start,
    shipped_models,
)

_TINY = preset("detectors-htc-tiny")
SHIPPED: Shipped = {GENERAL: (_TINY, ("nucleus",)), "mushrooms": (_TINY, ("mushroom",))}


def _chosen(*classes: str, **options: Any) -> ChosenStart:
    options = {"has_masks": True, "imagenet": lambda: False, **options}
    return choose_start(classes, shipped=SHIPPED, **options)


@pytest.mark.parametrize(
    ("classes", "options", "model", "weights", "words"),
    [
        (["mushroom", "soil"], {}, None, "mushrooms", "it has mushroom of the data"),
        (["nucleus"], {"has_masks": False}, BOXES_ONLY, GENERAL, "boxes only"),
        (["crack"], {}, None, GENERAL, "no GPU"),
        (["crack"], {"has_gpu": True}, None, GENERAL, "not in PyTorch's cache"),
        (["crack"], {"imagenet": lambda: True}, None, GENERAL, "no GPU"),
        (["crack"], {"has_masks": False}, BOXES_ONLY, GENERAL, "boxes only"),
    ],
)
def test_without_a_model(
    classes: list[str],
    options: dict[str, Any],
    model: str | None,
    weights: str,
    words: str,
) -> None:
    found = _chosen(*classes, **options)
    assert (found.model, found.weights) == (model, weights)
    assert words in found.line


@pytest.mark.parametrize(
    ("has_masks", "model"), [(True, "detectors-htc-r50"), (False, "detectors-cascade-r50")]
)
def test_a_gpu_and_imagenet_weights_that_are_there(has_masks: bool, model: str) -> None:
    found = _chosen("crack", has_masks=has_masks, has_gpu=True, imagenet=lambda: True)
    assert (found.model, found.weights) == (model, None)


@pytest.mark.parametrize(
    ("model", "changes", "weights", "words"),
    [
        ("detectors-htc-tiny", {}, GENERAL, "have the shapes of detectors-htc-tiny"),
        ("detectors-htc-tiny", {"input": {"size": [256, 256]}}, GENERAL, "have the shapes"),
        (BOXES_ONLY, {}, GENERAL, "have the shapes"),
        ("detectors-htc-tiny", {"pyramid": {"channels": 32}}, None, "random numbers"),
        ("htc-tiny", {}, None, "random numbers"),
        ("detectors-dsc-tiny", {}, None, "random numbers"),
        ("htc-r50", {}, None, "ImageNet weights resnet50"),
    ],
)
def test_with_a_model(model: str, changes: dict[str, Any], weights: str | None, words: str) -> None:
    found = _chosen("crack", model=model, config=overlay(preset(model), changes))
    assert (found.model, found.weights) == (model, weights)
    assert words in found.line


def test_of_fitting_models_the_one_with_the_class_is_taken() -> None:
    assert _chosen("mushroom", model=BOXES_ONLY).weights == "mushrooms"


def test_the_shipped_models_are_what_the_rule_needs() -> None:
    found = shipped_models()
    assert found[GENERAL][1] == ("nucleus",) and found["mushrooms"][1] == ("mushroom",)
    assert choose_model(has_masks=True) == "detectors-htc-tiny"
    assert choose_model(has_masks=False) == BOXES_ONLY
    start = choose_start(["x"], has_masks=False, shipped=found, model=BOXES_ONLY)
    assert start.weights == GENERAL
