"""The table of counts is what is counted."""

from __future__ import annotations

import functools
import json

import pytest

from relook.analysis.complexity import complexity
from relook.analysis.counts import (
    FILE,
    MASKS,
    PROPOSALS,
    SIZE,
    counted_models,
    counts_of,
    stored_counts,
)
from relook.config.model import BackboneConfig, ModelConfig, PyramidConfig
from relook.config.presets import preset

MODELS = dict(counted_models())


def test_every_model_is_in_the_table_and_nothing_else() -> None:
    assert list(json.loads(FILE.read_text())) == list(MODELS)


def test_counts_are_found_by_the_configuration_alone() -> None:
    config = MODELS["htc-tiny"]
    assert stored_counts(config) == counts_of("htc-tiny")
    assert stored_counts(MODELS["nuclei"]) == counts_of("nuclei")
    assert stored_counts(config.with_(num_classes=7)) is None


def _counted(config: ModelConfig, proposals: int, masks: int) -> dict[str, dict[str, int]]:
    found = complexity(config, *SIZE, proposals, masks)
    return {"parameters": found.parameters, "multiply_adds": found.multiply_adds}


@functools.cache
def _features(config: ModelConfig) -> dict[str, int]:
    """What the backbone and the pyramid have and do."""
    return {kind: counts["features"] for kind, counts in _counted(config, 1, 1).items()}


@functools.cache
def _others(config: ModelConfig) -> dict[str, dict[str, int]]:
    return _counted(config, PROPOSALS, MASKS)


def _in_two(config: ModelConfig) -> dict[str, dict[str, int]]:
    """The counts of a model, the features counted apart from the rest.

    Presets share backbones and cascades. Features see neither proposals nor what comes behind
    them, and what comes behind them sees the channels of the pyramid alone.
    """
    rest = config.with_(
        backbone=BackboneConfig(blocks=(1, 1, 1, 1), width=8),
        pyramid=PyramidConfig(channels=config.pyramid.channels),
    )
    first = preset("cascade-r50").with_(backbone=config.backbone, pyramid=config.pyramid)
    apart = _features(first)
    return {kind: {**counts, "features": apart[kind]} for kind, counts in _others(rest).items()}


@pytest.mark.parametrize("name", MODELS)
def test_counts_are_current(name: str) -> None:
    """Else run scripts/count_presets.py."""
    assert counts_of(name) == _in_two(MODELS[name])


@pytest.mark.parametrize("name", ["detectors-panoptic-tiny", "fast-dsc-tiny"])
def test_counting_in_two_is_counting(name: str) -> None:
    config = preset(name)
    assert _in_two(config) == _counted(config, PROPOSALS, MASKS)
