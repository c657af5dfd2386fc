"""ROI files of ImageJ, read again by roifile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from roifile import ImagejRoi, roiread

from relook.data.polygons import Polygon, polygons_mask
from relook.errors import UsageError
from relook.inference.results import Result
from relook.inference.writers.rois import object_rois, write_rois


def mask_of(roi: ImagejRoi, size: tuple[int, int]) -> NDArray[np.bool_]:
    rings = roi.coordinates(multi=True)
    polygons = [Polygon(np.asarray(ring, np.int32)) for ring in rings]
    return polygons_mask(polygons, size)


def test_masks_come_back_from_the_zip(
    odd: Result, masks: list[NDArray[np.bool_]], tmp_path: Path
) -> None:
    write_rois(tmp_path / "a.zip", odd)
    rois = roiread(tmp_path / "a.zip")
    assert isinstance(rois, list)
    assert [roi.name for roi in rois] == ["0001 cell 0.90", "0002 =crystal 0.77", "0003 cell 0.63"]
    for roi, mask in zip(rois, masks, strict=False):
        assert (mask_of(roi, odd.size) == mask).all()
    assert [roi.composite for roi in rois] == [True, True, False]
    assert rois[1].group == 2
    assert "class: =crystal" in rois[1].props


def test_names_of_classes_never_leave_the_zip(odd: Result, tmp_path: Path) -> None:
    category = replace(odd.classes[0], name="../../etc\\x\ny")  # type: ignore[type-var]
    result = replace(odd, classes=(category, category))
    write_rois(tmp_path / "a.zip", result)
    rois = roiread(tmp_path / "a.zip")
    assert isinstance(rois, list)
    assert "class: ../../etc\\x y" in rois[0].props
    import zipfile

    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert not any("/" in name or "\\" in name for name in names)


def test_nothing_found_is_an_empty_zip(odd: Result, tmp_path: Path) -> None:
    write_rois(tmp_path / "a.zip", odd.filter(score=2))
    import zipfile

    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == []


def test_images_that_a_roi_cannot_describe_are_refused(odd: Result) -> None:
    with pytest.raises(UsageError, match=r"U04.*geojson"):
        list(object_rois(replace(odd, size=(12, 40_000))))
