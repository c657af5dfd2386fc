"""What a second look changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import relook
from relook.analysis.inspect.inspected_image import InspectedImage
from relook.analysis.inspect.looks import changes_by_look, draw_changes
from relook.config.presets import preset
from relook.data.coco.records import Category
from relook.errors import UsageError
from relook.inference.predictor import Predictor


def _model(**changes: Any) -> Predictor:
    config = preset("detectors-htc-tiny").with_(semantic=None, **changes)
    torch.manual_seed(0)
    return Predictor(relook.build(config), config, [Category(1, "cell")], device="cpu")


def test_levels_are_those_of_the_pyramids(nuclei: Predictor, seen: InspectedImage) -> None:
    changes = changes_by_look(nuclei, seen)
    assert [(one.level, one.look) for one in changes] == [(f"P{i}", 2) for i in range(2, 7)]
    features: Any = nuclei.detector.features
    with torch.inference_mode():
        first = features.fpn(features.backbones[0](seen.batch.pixels))
    rows, columns = changes[0].before.shape
    expected = first[0][0].abs().mean(0)[:rows, :columns].numpy()
    np.testing.assert_allclose(changes[0].before, expected, rtol=1e-3, atol=1e-4)
    assert all(
        one.gate is not None and 0 <= one.gate.min() <= one.gate.max() <= 1 for one in changes
    )
    told = changes[0].statistics()
    assert told["relative change"] == pytest.approx(
        float(changes[0].change.mean() / changes[0].before.mean())
    )
    assert draw_changes(changes, seen).height > 500


def test_a_fresh_second_look_changes_nothing(seen: InspectedImage) -> None:
    for one in changes_by_look(_model(), seen):
        assert float(one.change.max()) < 1e-4
        assert one.gate is not None and one.gate == pytest.approx(0.5)


def test_three_looks_are_two_changes_of_each_level_and_no_fusion_has_no_gate(
    seen: InspectedImage,
) -> None:
    changes = changes_by_look(_model(pyramid__steps=3, pyramid__fusion="none"), seen)
    assert [one.look for one in changes] == [2] * 5 + [3] * 5
    assert all(one.gate is None and one.statistics()["gate"] is None for one in changes)
    assert draw_changes(changes, seen).width > 0


def test_one_look_changes_nothing_at_all(seen: InspectedImage) -> None:
    config = preset("htc-tiny").with_(semantic=None)
    model = Predictor(relook.build(config), config, [Category(1, "cell")], device="cpu")
    with pytest.raises(UsageError, match=r"U04.*looks once"):
        changes_by_look(model, seen)
