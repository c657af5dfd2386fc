"""A small folder in the layout of each tool: what the readers and their page are tried on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from roifile import ImagejRoi

CORNERS: Final = [[2, 1], [6, 1], [6, 5], [2, 5]]
"""Corners of the object that every sample has, in an image of 16 x 12 pixels."""


def write_sample(folder: Path, name: str) -> Path:
    """Write the sample of format `name` into `folder`; return its file of annotations."""
    return _WRITERS[name](folder)


def _image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 12)).save(path)


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _json(path: Path, value: Any) -> Path:
    return _text(path, json.dumps(value))


def _ids() -> Any:
    values = np.zeros((12, 16), np.uint16)
    values[1:5, 2:6] = 1
    return values


def _labelme(folder: Path) -> Path:
    _image(folder / "a.png")
    shape = {"label": "cell", "points": CORNERS, "group_id": None, "shape_type": "polygon"}
    size = {"imageHeight": 12, "imageWidth": 16, "imageData": None}
    top = {"version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": "a.png", **size}
    return _json(folder / "a.json", top)


def _via(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    xs, ys = ([point[axis] for point in CORNERS] for axis in (0, 1))
    shape = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    region = {"shape_attributes": shape, "region_attributes": {"class": "cell"}}
    entry = {"filename": "a.png", "size": 99, "regions": [region], "file_attributes": {}}
    return _json(
        folder / "via_project.json", {"_via_settings": {}, "_via_img_metadata": {"a.png99": entry}}
    )


def _yolo(folder: Path) -> Path:
    _image(folder / "images" / "train" / "a.png")
    _text(folder / "data.yaml", "train: images/train\nnames:\n  0: cell\n")
    shares = " ".join(f"{x / 16} {y / 12}" for x, y in CORNERS)
    return _text(folder / "labels" / "train" / "a.txt", f"0 {shares}\n")


def _voc(folder: Path) -> Path:
    _image(folder / "JPEGImages" / "a.png")
    box = "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>6</xmax><ymax>5</ymax></bndbox>"
    body = f"<filename>a.png</filename><object><name>cell</name>{box}</object>"
    return _text(folder / "Annotations" / "a.xml", f"<annotation>{body}</annotation>")


def _cvat(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    points = ";".join(f"{x},{y}" for x, y in CORNERS)
    shapes = (
        f'<polygon label="cell" points="{points}"/>'
        '<mask label="cell" rle="0, 4" left="2" top="1" width="2" height="2"/>'
    )
    image = f'<image id="0" name="a.png" width="16" height="12">{shapes}</image>'
    return _text(
        folder / "annotations.xml", f"<annotations><version>1.1</version>{image}</annotations>"
    )


def _label_studio(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    points = [[x / 0.16, y / 0.12] for x, y in CORNERS]
    value = {"points": points, "polygonlabels": ["cell"], "closed": True}
    size = {"original_width": 16, "original_height": 12, "image_rotation": 0}
    region = {"id": "r", "type": "polygonlabels", "to_name": "image", **size, "value": value}
    annotation = {"id": 1, "result": [region], "was_cancelled": False}
    data = {"image": "/data/upload/1/0123abcd-a.png"}
    return _json(folder / "project.json", [{"id": 1, "annotations": [annotation], "data": data}])


def _imagej(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    path = folder / "rois" / "a_RoiSet.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0001.roi", ImagejRoi.frompoints(CORNERS).tobytes())
    return path


def _qupath(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    geometry = {"type": "Polygon", "coordinates": [[*CORNERS, CORNERS[0]]]}
    properties = {"objectType": "annotation", "classification": {"name": "cell"}}
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    top = {"type": "FeatureCollection", "features": [feature]}
    return _json(folder / "geojson" / "a.geojson", top)


def _label_images(folder: Path) -> Path:
    _image(folder / "images" / "a.png")
    path = folder / "masks" / "a.png"
    path.parent.mkdir()
    Image.fromarray(_ids()).save(path)
    return path


def _cellpose(folder: Path) -> Path:
    _image(folder / "a.png")
    content = io.BytesIO()
    np.save(content, {"masks": _ids(), "filename": "a.png"}, allow_pickle=True)  # type: ignore[arg-type]
    path = folder / "a_seg.npy"
    path.write_bytes(content.getvalue())
    return path


def _supervisely(folder: Path) -> Path:
    _image(folder / "ds0" / "img" / "a.png")
    _json(folder / "meta.json", {"classes": [{"title": "cell"}]})
    points = {"exterior": CORNERS, "interior": []}
    item = {"classTitle": "cell", "geometryType": "polygon", "points": points}
    record = {"size": {"height": 12, "width": 16}, "tags": [], "objects": [item]}
    return _json(folder / "ds0" / "ann" / "a.png.json", record)


_WRITERS: Final[dict[str, Callable[[Path], Path]]] = {
    "labelme": _labelme,
    "via": _via,
    "yolo": _yolo,
    "voc": _voc,
    "cvat": _cvat,
    "label-studio": _label_studio,
    "imagej": _imagej,
    "qupath": _qupath,
    "label-images": _label_images,
    "cellpose": _cellpose,
    "supervisely": _supervisely,
}
