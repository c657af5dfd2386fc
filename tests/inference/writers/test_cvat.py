"""XML of CVAT, with exact masks."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.cvat import cvat_document, cvat_image


def mask_of(element: ET.Element, size: tuple[int, int]) -> NDArray[np.bool_]:
    runs = [int(run) for run in str(element.get("rle")).split(",")]
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    left, top, width, height = (
        int(str(element.get(name))) for name in ("left", "top", "width", "height")
    )
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = flat.reshape(height, width)
    return mask


def test_masks_come_back_from_the_runs(odd: Result, masks: list[NDArray[np.bool_]]) -> None:
    root = ET.fromstring(cvat_document([cvat_image(odd, 0, "a.png")], odd.names[:2]))
    image = root.find("image")
    assert image is not None and (image.get("width"), image.get("height")) == ("16", "12")
    elements = image.findall("mask")
    assert [element.get("z_order") for element in elements] == ["3", "2", "1"]
    for element, mask in zip(elements, masks, strict=False):
        assert (mask_of(element, odd.size) == mask).all()
    assert elements[0].findtext("attribute") == "0.900000"
    labels = root.findall("meta/task/labels/label")
    assert [label.findtext("name") for label in labels] == ["cell", "=crystal"]
    assert {label.findtext("attributes/attribute/name") for label in labels} == {"score"}


def test_names_that_xml_does_not_have_are_cleaned(odd: Result) -> None:
    category = replace(odd.classes[0], name="a\x00&b")  # type: ignore[type-var]
    element = cvat_image(replace(odd, classes=(category,) * 2), 0, "\x1b.png")
    document = cvat_document([element], [category.name])
    image = ET.fromstring(document).find("image")
    assert image is not None and image.get("name") == "\ufffd.png"
    assert {mask.get("label") for mask in image} == {"a\ufffd&b"}
