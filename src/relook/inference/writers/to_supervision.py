"""Results for the library supervision."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...runtime.edition import needing
from ..results import Result


def detections_of(result: Result) -> Any:
    """The objects as `supervision.Detections`: masks (N, H, W), and class names in `data`.

    Raises:
        UsageError: U04 where supervision is not installed.
    """
    with needing("to_supervision", "supervision", "pip install supervision"):
        import supervision as sv
    return sv.Detections(
        xyxy=result.boxes.astype(np.float64),
        mask=None if result.masks is None else result.dense_masks(),
        confidence=result.scores,
        class_id=result.labels,
        tracker_id=result.tracks,
        data={"class_name": np.array(result.names, dtype=str)},
    )
