"""Predictions for Label Studio: one task for each image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr

from ..._version import __version__
from ...data.polygons import single_ring
from ..results import Result
from .shapes import object_polygons, xml_text

FROM_NAME, TO_NAME = "label", "image"  # names of the tags in the labelling configuration


def label_studio_task(result: Result, image: str, tolerance: float = 0.0) -> dict[str, Any]:
    """A task with a prediction for the image at the address or path `image`.

    Predictions and their regions are iterators, for `runtime.json_files`. Points are percent of
    width and height. Parts and holes are joined to one ring by lines that
    run there and back. The score of the prediction is the mean of its objects.
    """
    mean = float(result.scores.mean()) if len(result) else 0.0
    prediction = {
        "model_version": f"relook {__version__}",
        "score": round(mean, 6),
        "result": _regions(result, tolerance),
    }
    return {"data": {TO_NAME: image}, "predictions": iter([prediction])}


def _regions(result: Result, tolerance: float) -> Iterator[dict[str, Any]]:
    height, width = result.size
    objects = zip(object_polygons(result, tolerance), result.names, result.scores, strict=True)
    for number, (polygons, name, score) in enumerate(objects, start=1):
        if not polygons:
            continue
        points = single_ring(polygons) * (100 / width, 100 / height)
        yield {
            "id": f"object-{number}",
            "type": "polygonlabels",
            "from_name": FROM_NAME,
            "to_name": TO_NAME,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": round(float(score), 6),
            "value": {"points": points.tolist(), "polygonlabels": [name], "closed": True},
        }


def labelling_configuration(names: list[str]) -> str:
    """The labelling configuration (XML) that fits the tasks."""
    labels = "".join(f"    <Label value={quoteattr(xml_text(name))}/>\n" for name in names)
    return (
        "<View>\n"
        f'  <Image name="{TO_NAME}" value="${TO_NAME}" zoom="true"/>\n'
        f'  <PolygonLabels name="{FROM_NAME}" toName="{TO_NAME}">\n{labels}'
        "  </PolygonLabels>\n</View>\n"
    )
