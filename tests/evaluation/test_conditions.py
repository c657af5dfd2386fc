"""The conditions that are kept beside the numbers of an evaluation."""

from __future__ import annotations

from pathlib import Path

from relook.evaluation.conditions import conditions
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.structures.rules.reading import Reading

from ..narrow_models import NUT_AND_BOLT, detector_of, narrow_config


def _predictor() -> Predictor:
    changes = {"input__size": (96, 64), "cascade__select__score_threshold": 0.125}
    config = narrow_config(num_classes=2, semantic__num_classes=3, **changes)
    return Predictor(detector_of(config), config, NUT_AND_BOLT, device="cpu", fast=False)


def test_what_is_left_to_the_model_is_what_the_model_has() -> None:
    used = conditions(Path("m"), _predictor(), PredictOptions(), max_dets=7, limit=None)
    assert (used["model"], used["device"], used["precision"], used["fast"]) == (
        *("m", "cpu", "fp32"),
        False,
    )
    assert (used["size"], used["score"], used["max_dets"]) == ([96, 64], 0.125, 7)
    assert used["limit"] is None and used["panoptic"] is None and used["tta"] is None


def test_options_are_kept_as_they_were_given() -> None:
    options = PredictOptions().with_(
        score=0.5, tta="scales=32:64", reading=Reading(page=2), panoptic=False, agnostic=True
    )
    used = conditions(Path("m"), _predictor(), options, max_dets=7, one_class=True)
    assert used["size"] is None  # the views have sizes of their own
    assert used["tta"]["scales"] == (32, 64)
    assert (used["score"], used["reading"]["page"]) == (0.5, 2)
    assert used["agnostic"] and used["one_class"]
    sized = conditions(Path("m"), _predictor(), options.with_(tta=None, size=(8, 4)), max_dets=7)
    assert sized["size"] == [8, 4]
