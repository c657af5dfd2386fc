"""Contours of OpenCV come back as the masks that they were made of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from relook.data.coco.segmentation import rasterised
from relook.data.formats.coco_file import coco_content
from relook.data.formats.contours import contour_pixels, is_contour
from relook.data.formats.geometry import Outline, UnusableShapeError, points_of
from relook.data.formats.records import Account, AnnotatedImage, AnnotatedObject, ConvertOptions

SIZE = (30, 40)


def disc(x: float, y: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


def outline_of(mask: NDArray[np.bool_]) -> Outline:
    """The outer contour and its holes as OpenCV finds them."""
    kind, way = cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    contours, _ = cv2.findContours(mask.astype(np.uint8), kind, way)
    largest = sorted(contours, key=len, reverse=True)
    return Outline(tuple(points_of(contour.reshape(-1, 2).astype(float)) for contour in largest))


MASKS = [disc(12, 11, 7), disc(39, 29, 9), disc(20, 15, 12) & ~disc(20, 15, 5)]


@pytest.mark.parametrize("mask", MASKS, ids=["disc", "at the border", "ring"])
def test_masks_come_back(mask: NDArray[np.bool_]) -> None:
    item = AnnotatedObject(name="cell", shapes=(outline_of(mask),), where="a")
    image = AnnotatedImage(path=Path("a.png"), size=SIZE, objects=(item,))
    options = ConvertOptions(outlines="centres")
    content, _ = coco_content(Path.cwd(), [image], Account(), options)
    (row,) = content["annotations"]
    assert np.array_equal(rasterised(row["segmentation"], *SIZE), mask)
    account = Account()
    (row,) = coco_content(Path.cwd(), [image], account)[0]["annotations"]
    assert row["area"] < 0.95 * mask.sum()
    is_told = is_contour(outline_of(mask))
    assert any("--outlines centres" in line for line in account.lines()) == is_told


def test_polygons_of_people_are_no_contours() -> None:
    assert is_contour(outline_of(MASKS[0]))
    ring = outline_of(MASKS[0]).rings[0]
    for other in (
        ring + 0.3,
        ring[:7],
        ring * (2, 1),
        np.repeat(ring, 2, axis=0)[1:][:, ::-1] * 1.1,
    ):
        assert not is_contour(Outline((points_of(other),)))
    square = points_of([(0, 0), (4, 0), (4, 4), (8, 4), (8, 8), (2, 8), (2, 9), (0, 9)])
    assert not is_contour(Outline((square,)))


def test_contours_outside() -> None:
    far = Outline((points_of([(0, 0), (9, 9), (1e7, 3)]),))
    with pytest.raises(UnusableShapeError, match="far outside"):
        contour_pixels(far, SIZE)
    beside = Outline((points_of([(50, 0), (59, 9), (55, 3)]),))
    assert not contour_pixels(beside, SIZE).runs.area
