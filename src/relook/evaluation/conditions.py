"""The conditions of an evaluation: the model, and all options that its numbers depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._version import __version__
from ..inference.options import PredictOptions
from ..inference.predictor import Predictor
from .run import for_scoring


def conditions(
    model: Path, predictor: Predictor, options: PredictOptions, *, max_dets: int, **of_data: Any
) -> dict[str, Any]:
    """The conditions of an evaluation of `predictor` with `options`, as json values.

    What `options` leave to the model is what the model has: its size, score, reading and rule.
    `max_dets` is the number of detections that counted, `model` the file as it was given, and
    `of_data` what is said of the data, such as ``limit``.
    """
    record = for_scoring(predictor, options).record() | {"max_dets": max_dets}
    tta = options.tta
    if options.size is None and options.diameter is None and not (tta and tta.scales):
        record["size"] = list(predictor.config.input.size)
    record["reading"] = predictor.reading(options).record()
    if options.panoptic is not None:
        rule = options.panoptic.rule_for(predictor.config.panoptic)
        record["panoptic"]["rule"] = rule.model_dump(mode="json")
    return {
        "relook": __version__,
        "model": str(model),
        "device": str(predictor.device),
        "precision": predictor.precision,
        "fast": predictor.fast,
        **record,
        **of_data,
    }
