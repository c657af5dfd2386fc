"""The record of a result that ``relook predict --json`` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..results import FORMAT_VERSION, Result


def json_record(result: Result) -> dict[str, Any]:
    """Everything of a result but the pixels, as a dictionary that json can write."""
    objects: list[dict[str, Any]] = []
    for i, box in enumerate(result.boxes.astype(np.float64).tolist()):
        item = result.classes[int(result.labels[i])]
        row = {"name": item.name, "category_id": item.id, "score": float(result.scores[i])}
        row["box"] = box
        if result.masks is not None:
            row["mask"] = dict(result.masks[i])
        if result.tracks is not None:
            row["track_id"] = int(result.tracks[i])
        objects.append(row)
    record = {
        "version": FORMAT_VERSION,
        "source": result.source,
        "height": result.size[0],
        "width": result.size[1],
        **result.moment(),
        "counts": result.counts(),
        "objects": objects,
    }
    if result.scale is not None:
        record["scale"] = result.scale.to_json()
    if result.info is not None:
        record["image"] = result.info.to_json()
    if result.panoptic is None:
        return record
    names = {category.id: category.name for category in result.categories}
    segments = [
        {
            "id": segment.id,
            "name": names[segment.category_id],
            "category_id": segment.category_id,
            "isthing": int(segment.is_thing),
            "area": segment.area,
            "box": list(segment.box),
            "object": segment.instance,
        }
        for segment in result.panoptic.segments
    ]
    return {**record, "segments": segments}
