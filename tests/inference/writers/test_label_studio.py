"""Tasks of Label Studio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.label_studio import label_studio_task, labelling_configuration

Fill = Callable[[list[list[float]], tuple[int, int]], NDArray[np.bool_]]


def test_masks_come_back_from_the_percents(
    odd: Result, masks: list[NDArray[np.bool_]], filled: Fill, as_json: Callable[[Any], Any]
) -> None:
    task = as_json(label_studio_task(odd, "/data/a.png"))
    assert task["data"] == {"image": "/data/a.png"}
    (prediction,) = task["predictions"]
    assert 0 < prediction["score"] < 1
    height, width = odd.size
    regions = prediction["result"]
    assert [region["value"]["polygonlabels"] for region in regions] == [
        ["cell"],
        ["=crystal"],
        ["cell"],
    ]
    for region, mask in zip(regions, masks, strict=False):
        points = np.array(region["value"]["points"]) / (100 / width, 100 / height)
        ring = points.round(6).ravel().tolist()
        assert (filled([ring], odd.size) == mask).all()


def test_nothing_found_is_a_task_without_regions(
    odd: Result, as_json: Callable[[Any], Any]
) -> None:
    task = as_json(label_studio_task(odd.filter(score=2), "a.png"))
    (prediction,) = task["predictions"]
    assert (prediction["score"], prediction["result"]) == (0.0, [])


def test_the_configuration_has_the_tags_that_tasks_name() -> None:
    view = ET.fromstring(labelling_configuration(['a "b" <c>', "bad \x07"]))
    assert [label.get("value") for label in view.iter("Label")] == ['a "b" <c>', "bad \ufffd"]
    assert view.find("PolygonLabels").get("toName") == view.find("Image").get("name")  # type: ignore[union-attr]
