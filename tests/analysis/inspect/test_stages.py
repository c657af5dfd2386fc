"""A cascade that is stopped after each stage."""

from __future__ import annotations

import numpy as np

from relook.analysis.inspect.seeing import InspectedImage, detect
from relook.analysis.inspect.stages import look_at_stages, picture_of_stages
from relook.inference.predictor import Predictor


def test_the_last_is_what_the_model_finds(nuclei: Predictor, seen: InspectedImage) -> None:
    stages = look_at_stages(nuclei, seen)
    whole = detect(nuclei, seen)
    assert [stage.stages for stage in stages] == [1, 2, 3]
    np.testing.assert_array_equal(stages[-1].result.boxes, whole.boxes)
    assert not np.array_equal(stages[0].result.boxes, whole.boxes)
    told = stages[0].statistics()
    assert told["objects"] == len(told["boxes"]) == len(told["scores"]) > 0
    assert min(told["scores"]) >= told["shown from"]
    assert picture_of_stages(stages).width > 3 * 500


def test_prediction_can_stop_there(nuclei: Predictor, seen: InspectedImage) -> None:
    found = nuclei.first_stages(1).predict(seen.image, size=(160, 100))
    (first, *_) = look_at_stages(nuclei, seen)
    np.testing.assert_allclose(found.scores, first.result.scores, atol=1e-3)
