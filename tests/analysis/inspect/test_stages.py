"""A cascade that is stopped after each stage."""

from __future__ import annotations

import numpy as np

from relook.analysis.inspect.inspected_image import InspectedImage, detect
from relook.analysis.inspect.stages import draw_stages, results_by_stage
from relook.inference.predictor import Predictor


def test_the_last_is_what_the_model_finds(nuclei: Predictor, seen: InspectedImage) -> None:
    stages = results_by_stage(nuclei, seen)
    whole = detect(nuclei, seen)
    assert [stage.stages for stage in stages] == [1, 2, 3]
    np.testing.assert_array_equal(stages[-1].result.boxes, whole.boxes)
    assert not np.array_equal(stages[0].result.boxes, whole.boxes)
    told = stages[0].statistics()
    assert told["objects"] == len(told["boxes"]) == len(told["scores"]) > 0
    assert min(told["scores"]) >= told["shown from"]
    assert draw_stages(stages).width > 3 * 500


def test_prediction_can_stop_there(nuclei: Predictor, seen: InspectedImage) -> None:
    found = nuclei.first_stages(1).predict(seen.image, size=(160, 100))
    (first, *_) = results_by_stage(nuclei, seen)
    np.testing.assert_allclose(found.scores, first.result.scores, atol=1e-3)
