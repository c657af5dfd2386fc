"""ROIs of ImageJ: every kind of area, composites, groups, and what relook itself writes."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roifile import ROI_TYPE, ImagejRoi

from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.rois import write_rois

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]


def zipped(path: Path, *rois: ImagejRoi) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for row, roi in enumerate(rois):
            archive.writestr(f"{row:04d}.roi", roi.tobytes())


def bounds(kind: ROI_TYPE, left: int, top: int, right: int, bottom: int, **more: Any) -> ImagejRoi:
    return ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom, **more)


def square(**more: Any) -> ImagejRoi:
    roi = ImagejRoi.frompoints([[2, 1], [6, 1], [6, 5], [2, 5]])
    for key, value in more.items():
        setattr(roi, key, value)
    return roi


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image("images/a.png")
    folder.image("images/b.png")
    folder.write("rois/none", "")
    write_rois(folder.path / "rois" / "a.zip", odd)
    folder.convert("rois")
    assert is_same(folder.masks(), expected)


def test_kinds_of_areas(folder: Folder) -> None:
    image = folder.image()
    zipped(
        folder.path / "RoiSet.zip",
        square(),
        bounds(ROI_TYPE.RECT, 8, 2, 12, 7),
        bounds(ROI_TYPE.OVAL, 3, 4, 13, 8),
        ImagejRoi.frompoints(
            np.array([[2.0, 1.0], [6.0, 1.0], [6.0, 4.6], [2.0, 4.4]], np.float32)
        ),
        ImagejRoi(roitype=ROI_TYPE.LINE, x1=1, y1=1, x2=4, y2=4),
        ImagejRoi.frompoints([[3, 3]]),
    )
    lines = folder.convert("RoiSet.zip", images=image, class_name="cell").lines
    y, x = np.mgrid[:12, :16] + 0.5
    oval = ((x - 8) / 5) ** 2 + ((y - 6) / 2) ** 2 < 1
    truth = [block(1, 2, 5, 6), block(2, 8, 7, 12), oval, None]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found[:3], truth[:3], strict=True)] == [True] * 3
    assert np.array_equal(found[3][:4], block(1, 2, 5, 6)[:4])
    assert any("1 x ROI without area (line)" in line for line in lines)
    assert sum("left out" in line for line in lines) == 2
    assert folder.conversion is not None and folder.conversion.images == image.parent


def test_classes_are_properties_or_groups(folder: Folder) -> None:
    folder.image()
    zipped(folder.path / "a_rois.zip", square(group=2), square(), square(props="class: rod\n"))
    folder.convert()
    assert sorted(folder.masks()) == ["group 2", "object", "rod"]
    lines = folder.convert(class_name="cell").lines
    assert list(folder.masks()) == ["cell"]
    assert "--class: groups and classes of ROIs are not read" in lines
    folder.write("a_rois.zip", b"")
    (folder.path / "a_rois.zip").unlink()
    folder.write("a.roi", square().tobytes())
    lines = folder.convert().lines
    assert list(folder.masks()) == ["object"]
    assert any("--class NAME gives another name" in line for line in lines)


def test_rois_of_several_slices_are_refused(folder: Folder) -> None:
    folder.image()
    zipped(folder.path / "a.zip", square(position=1), square(position=2))
    with pytest.raises(DataError, match="of 2 slices of a stack") as caught:
        folder.convert()
    assert caught.value.code == "D04"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"Iout", "D03", "is no ROI that can be read"),
        (square().tobytes()[:70], "D03", "is no ROI that can be read"),
        (b"PK\3\4", "D03", "is no ROI"),
    ],
)
def test_what_cannot_be_used(folder: Folder, data: bytes, code: str, words: str) -> None:
    folder.image()
    folder.write("a.roi", data)
    with pytest.raises(DataError) as caught:
        folder.convert("a.roi", format="imagej")
    assert caught.value.code == code and words in caught.value.message


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_changed_bytes_end_in_a_file_or_an_error(data: st.DataObject) -> None:
    path = ImagejRoi(roitype=ROI_TYPE.RECT, right=6, bottom=5, shape_roi_size=13)
    path.multi_coordinates = np.array([0, 2, 1, 1, 6, 1, 1, 6, 5, 1, 2, 5, 4], np.float32)
    start = data.draw(st.sampled_from([square(), path, bounds(ROI_TYPE.OVAL, 1, 1, 5, 5)]))
    content = bytearray(start.tobytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / "set")
        folder.image()
        folder.write("a.roi", bytes(content))
        with contextlib.suppress(DataError):
            folder.convert("a.roi")


def test_paths_that_lead_nowhere(folder: Folder) -> None:
    folder.image()
    for path in ([0.0, 1.0, 1.0, 4.0], [4.0], [2.0, 1.0], [1.0], [float("nan")]):
        roi = bounds(ROI_TYPE.RECT, 0, 0, 4, 4, shape_roi_size=len(path))
        roi.multi_coordinates = np.array(path, np.float32)
        folder.write("a.roi", roi.tobytes())
        with pytest.raises(DataError) as caught:
            folder.convert("a.roi")
        assert caught.value.code == "D09"
