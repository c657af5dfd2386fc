"""Detections of a cascade that stops after its first stage, its second, ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ...inference.predictor import Predictor
from ...inference.results import Result
from ...visualization.sheet import Row, contact_sheet
from .inspected_image import InspectedImage, detect


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The objects after a number of stages."""

    stages: int
    result: Result
    shown_from: float  # least score of its objects

    def statistics(self) -> dict[str, Any]:
        """Numbers for json: how many objects are shown, their scores and boxes."""
        result = self.result
        return {
            "stages": self.stages,
            "objects": len(result),
            "shown from": self.shown_from,
            "mean score": float(np.mean(result.scores)) if len(result) else None,
            "boxes": result.boxes.tolist(),
            "scores": result.scores.tolist(),
            "labels": result.labels.tolist(),
        }


def results_by_stage(predictor: Predictor, inspected: InspectedImage) -> list[Stage]:
    """Detect with the first stage only, with the first two, ... and with all stages."""
    cascade: Any = predictor.detector.cascade
    return [
        Stage(n, detect(predictor.first_stages(n), inspected), predictor.shown_from)
        for n in range(1, len(cascade.rules) + 1)
    ]


def draw_stages(stages: list[Stage]) -> Image.Image:
    """The objects of every stage, side by side."""
    pictures = tuple(stage.result.draw() for stage in stages)
    headings = [f"{stage.stages} of {len(stages)} stages" for stage in stages]
    counts = ", ".join(str(stage.statistics()["objects"]) for stage in stages)
    return contact_sheet([Row(pictures, f"objects shown: {counts}")], headings, cell=520)
