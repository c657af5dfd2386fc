"""Annotations in the XML of CVAT, version 1.1 of "CVAT for images", with exact masks."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from ..results import Result
from .shapes import object_windows, xml_text


def cvat_image(result: Result, image_id: int, name: str) -> ET.Element:
    """The element of an image, with a mask for each object that has a pixel.

    Better objects lie above others (``z_order``). The score is an attribute ``score``, which the
    labels of the task must have for CVAT to take it.
    """
    height, width = result.size
    image = ET.Element(
        "image", id=str(image_id), name=xml_text(name), width=str(width), height=str(height)
    )
    rows = zip(object_windows(result), result.names, result.scores, strict=True)
    for row, ((mask, left, top), label, score) in enumerate(rows):
        if not mask.any():
            continue
        element = ET.SubElement(
            image,
            "mask",
            label=xml_text(label),
            source="auto",
            occluded="0",
            rle=", ".join(map(str, _row_runs(mask))),
            left=str(left),
            top=str(top),
            width=str(mask.shape[1]),
            height=str(mask.shape[0]),
            z_order=str(len(result) - 1 - row),
        )
        ET.SubElement(element, "attribute", name="score").text = f"{float(score):.6f}"
    return image


def cvat_document(images: list[ET.Element], names: Sequence[str]) -> bytes:
    """The XML file of these images in UTF-8, with the labels of a task for classes of `names`."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    _texts(task, name="relook", size=str(len(images)), mode="annotation")
    labels = ET.SubElement(task, "labels")
    for name in names:
        label = ET.SubElement(labels, "label")
        _texts(label, name=xml_text(name), type="any")
        attribute = ET.SubElement(ET.SubElement(label, "attributes"), "attribute")
        _texts(
            attribute, name="score", mutable="False", input_type="text", default_value="", values=""
        )
    root.extend(images)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _texts(parent: ET.Element, **texts: str) -> None:
    """Add an element with text for each of `texts`."""
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = text


def _row_runs(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of a mask row by row, of zeros and ones in turn, zeros first."""
    flat = mask.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], turns, [flat.size]])
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat[0] else runs
