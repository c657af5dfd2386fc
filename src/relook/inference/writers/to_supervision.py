"""Results for the library supervision."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UsageError
from ..results import Result


def detections_of(result: Result) -> Any:
    """The objects as `supervision.Detections`: masks (N, H, W), and class names in `data`.

    Raises:
        UsageError: U04 where supervision is not installed.
    """
    try:
        import supervision as sv
    except ImportError:
        raise UsageError(
            "U04", "to_supervision: supervision is not installed: pip install supervision."
        ) from None
    return sv.Detections(
        xyxy=result.boxes.astype(np.float64),
        mask=None if result.masks is None else result.dense_masks(),
        confidence=result.scores,
        class_id=result.labels,
        tracker_id=result.tracks,
        data={"class_name": np.array(result.names, dtype=str)},
    )
