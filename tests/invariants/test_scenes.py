"""One scene with known masks in every format, type, order of axes and orientation that is read.

Pixels and annotations must land on the same objects in all of them, or an error names the reason.
RELOOK_SCENES=500 draws so many combinations in place of the few of the suite.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from relook.data.coco.reader import object_mask, read_coco
from relook.data.dataset import CocoDataset
from relook.data.images import Reading, open_image
from relook.data.images.orientation import upright, upright_size
from relook.errors import DataError
from relook.evaluation.ground_truth import truth_of
from relook.ops.rle import decode_window

EXAMPLES: Final = int(os.environ.get("RELOOK_SCENES", "60"))
INVERSE: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
DISCS: Final = ((12, 14, 7), (40, 18, 9), (28, 38, 6), (52, 44, 5))  # x, y, radius
FACTORS: Final = {
    "uint8": (1, 0),
    "uint16": (16, 500),
    "int16": (100, -5000),
    "uint32": (70_000, 9),
    "float32": (0.01, 0),
    "float64": (16, -100),
}
TIFF_AXES: Final = ("YX", "YXS", "SYX", "IYX", "ZYX", "CYX", "TZCYX", "thumbnail", "YXS+1")
CODED: Final = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "NPY")


def masks_of(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.stack([np.hypot(columns - x, rows - y) < r for x, y, r in DISCS])


@dataclass(frozen=True)
class Case:
    kind: str  # TIFF or a coded format
    dtype: str
    axes: str
    orientation: int
    frame: str
    sized: bool
    square: bool
    layout: str

    @property
    def size(self) -> tuple[int, int]:
        return (64, 64) if self.square else (56, 64)

    @property
    def reading(self) -> Reading:
        """What has to be chosen, where the file cannot say it."""
        page = 1 if self.axes in ("IYX", "TZCYX") else None
        return Reading(page=page, channels=(1,) if self.axes in ("CYX", "TZCYX") else None)

    @property
    def frame_is_known(self) -> bool:
        if self.orientation == 1:
            return True
        return self.sized and self.orientation > 4 and not self.square


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["TIFF", "TIFF", "TIFF", *CODED]))
    is_tiff = kind == "TIFF"
    dtypes = list(FACTORS) if is_tiff else ["uint8", "uint16"] if kind == "PNG" else ["uint8"]
    turns = st.just(1) if kind in ("BMP", "GIF", "NPY") else st.integers(1, 8)
    return Case(
        kind,
        draw(st.sampled_from(dtypes)),
        draw(st.sampled_from(TIFF_AXES)) if is_tiff else "YX",
        draw(turns),
        draw(st.sampled_from(["stored", "upright"])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["plain", "tiles", "big"])),
    )


def write(path: Path, case: Case) -> None:
    """Write the scene; only one plane of several has its objects."""
    ground = np.full(case.size, 20.0)
    scene = np.where(masks_of(*case.size).any(axis=0), 200.0, ground)
    stored = [upright(plane, INVERSE[case.orientation]) for plane in (scene, ground)]
    factor, offset = FACTORS[case.dtype]
    seen, blank = (np.ascontiguousarray(p * factor + offset).astype(case.dtype) for p in stored)
    if case.kind == "TIFF":
        write_tiff(path, seen, blank, case)
    elif case.kind == "NPY":
        with path.open("wb") as file:
            np.save(file, seen)
    else:
        exif = Image.Exif()
        exif[0x0112] = case.orientation
        image = Image.fromarray(seen)
        colour = image if case.dtype == "uint16" else image.convert("RGB")
        options: dict[str, Any] = {} if case.kind in ("BMP", "GIF") else {"exif": exif}
        colour.save(path, case.kind, **options)


def write_tiff(path: Path, seen: np.ndarray, blank: np.ndarray, case: Case) -> None:
    tag = (274, "H", 1, case.orientation, True)
    options: dict[str, Any] = {"extratags": [tag], "photometric": "minisblack"}
    if case.layout == "tiles":
        options |= {"tile": (32, 32), "compression": "zlib"}
    writer = {"bigtiff": case.layout == "big"}
    values = {
        "YX": seen,
        "YXS": np.stack([seen] * 3, axis=-1),
        "SYX": np.stack([seen] * 3),
        "IYX": np.stack([blank, seen, blank]),
        "ZYX": np.stack([blank, seen, blank]),
        "CYX": np.stack([blank, seen]),
        "TZCYX": np.stack([blank] * 4 + [blank, seen, blank, blank]).reshape(2, 2, 2, *seen.shape),
        "thumbnail": seen,
        "YXS+1": np.stack([seen, seen, seen, blank], axis=-1),
    }[case.axes]
    if case.axes in ("YXS", "SYX", "YXS+1"):
        options["photometric"] = "rgb"
        options["planarconfig"] = "separate" if case.axes == "SYX" else "contig"
        if case.axes == "YXS+1":
            options["extrasamples"] = ["unspecified"]
    if case.axes in ("ZYX", "CYX", "TZCYX"):
        options["metadata"] = {"axes": case.axes}
        writer["ome"] = True
    with tifffile.TiffWriter(path, **writer) as file:
        if case.axes == "thumbnail":
            file.write(blank[::4, ::4].copy(), subfiletype=1)
        file.write(values, **options)


def annotate(path: Path, case: Case) -> Path:
    """COCO annotations in the frame of the case, by polygons with many corners."""
    height, width = case.size
    stored = upright_size(case.size, case.orientation)
    shown = case.size if case.frame == "upright" else stored
    row: dict[str, Any] = {"id": 1, "file_name": path.name}
    if case.sized:
        row |= {"height": shown[0], "width": shown[1]}
    annotations = []
    for number, mask in enumerate(masks_of(height, width), 1):
        seen = mask if case.frame == "upright" else upright(mask, INVERSE[case.orientation])
        rows, columns = np.nonzero(seen)
        x, y = int(columns.min()), int(rows.min())
        runs = np.concatenate([[0], np.flatnonzero(np.diff(seen.T.ravel())) + 1, [seen.size]])
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1,
                "iscrowd": 0,
                "area": float(seen.sum()),
                "bbox": [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y],
                "segmentation": {"size": list(shown), "counts": np.diff(runs).tolist()},
            }
        )
    document = {
        "images": [row],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "disc"}],
    }
    file = path.with_suffix(".json")
    file.write_text(json.dumps(document))
    return file


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cases())
def test_pixels_and_annotations_land_on_the_same_objects(tmp_path: Path, case: Case) -> None:
    path = tmp_path / ("a.ome.tif" if case.axes in ("ZYX", "CYX", "TZCYX") else "a.image")
    write(path, case)
    expected = masks_of(*case.size)
    with open_image(path, case.reading) as opened:
        assert opened.size == case.size
        pixels = opened.read()
        assert opened.info.orientation == case.orientation
        assert opened.info.dtype == case.dtype
    bright = pixels[:, :, 0] > 110
    wrong = int((bright != expected.any(axis=0)).sum())
    assert wrong <= (40 if case.kind in ("JPEG", "WEBP", "AVIF") else 0)

    file, frame = annotate(path, case), None
    if not case.frame_is_known:
        with pytest.raises(DataError, match=r"D10.*--frame"):
            read_coco(file, tmp_path, reading=case.reading)
        frame = case.frame
    index = read_coco(file, tmp_path, frame=frame, reading=case.reading)  # type: ignore[arg-type]
    (image,) = index.images
    for thing, mask in zip(image.objects, expected, strict=True):
        np.testing.assert_array_equal(object_mask(thing, *case.size), mask)
    truth = truth_of(index).objects
    for row, mask in zip(truth, expected, strict=True):
        x, y, width, height = row["bbox"]
        assert (int(mask.any(0).argmax()), int(mask.any(1).argmax())) == (x, y)
        assert (int(mask.any(0).sum()), int(mask.any(1).sum())) == (width, height)
        counts = row["segmentation"]["counts"]
        text = counts.decode() if isinstance(counts, bytes) else counts
        window, left, top = decode_window({"size": list(case.size), "counts": text})
        assert (left, top) == (x, y)
        assert int(window.sum()) == int(mask.sum())
    np.testing.assert_array_equal(CocoDataset(index)[0].image, pixels)


@pytest.mark.parametrize("axes", ["IYX", "CYX", "TZCYX"])
def test_what_the_file_cannot_say_is_asked_for(tmp_path: Path, axes: str) -> None:
    case = Case("TIFF", "uint16", axes, 1, "upright", True, False, "plain")
    path = tmp_path / "a.ome.tif"
    write(path, case)
    with pytest.raises(DataError, match=r"D02.*--(page|channels)"):
        open_image(path)
