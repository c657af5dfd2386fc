"""Annotations of other tools, as they write them for the image ``a.png`` of 16 x 12 pixels."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from .mutation import Mutation, of_bytes, of_json, of_png
from .seeds import HEIGHT, WIDTH, Seeds, label_maps

_RING: Final = [[2, 2], [9, 2], [9, 8], [2, 8]]


def _json(value: Any) -> Seeds:
    return (json.dumps(value).encode(),)


def _labelme() -> Seeds:
    shapes = [
        {"label": "cell", "points": _RING, "shape_type": "polygon", "group_id": None, "flags": {}},
        {"label": "drop", "points": [[1, 1], [5, 6]], "shape_type": "rectangle"},
        {"label": "drop", "points": [[6, 6], [9, 6]], "shape_type": "circle"},
    ]
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH, "imageData": None}
    return _json({"version": "5.2.1", "shapes": shapes, "imagePath": "a.png", **size})


def _via() -> Seeds:
    xs, ys = zip(*_RING, strict=True)
    regions = [
        {
            "shape_attributes": {"name": "polygon", "all_points_x": xs, "all_points_y": ys},
            "region_attributes": {"type": "cell"},
        },
        {
            "shape_attributes": {"name": "rect", "x": 1, "y": 1, "width": 4, "height": 5},
            "region_attributes": {"type": "drop"},
        },
    ]
    image = {"filename": "a.png", "size": 300, "regions": regions, "file_attributes": {}}
    return _json({"_via_settings": {}, "_via_img_metadata": {"a.png300": image}})


def _yolo() -> Seeds:
    return (b"0 0.3 0.4 0.2 0.3\n1 0.5 0.5 0.25 0.25\n", b"0 0.1 0.2 0.6 0.2 0.6 0.7 0.1 0.7\n")


def _voc() -> Seeds:
    box = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
    text = (
        "<annotation><filename>a.png</filename><size><width>16</width><height>12</height>"
        "<depth>3</depth></size><object><name>cell</name><difficult>0</difficult>"
        f"{box}</object></annotation>"
    )
    return (text.encode(),)


def _cvat() -> Seeds:
    text = (
        '<?xml version="1.0"?><annotations><version>1.1</version><meta/>'
        '<image id="0" name="a.png" width="16" height="12">'
        '<polygon label="cell" points="2,2;9,2;9,8;2,8" occluded="0"></polygon>'
        '<box label="drop" xtl="1" ytl="1" xbr="4" ybr="5"></box>'
        '<mask label="cell" rle="1, 2, 3" left="2" top="2" width="3" height="2"></mask>'
        "</image></annotations>"
    )
    return (text.encode(),)


def _label_studio() -> Seeds:
    points = [[10.0, 10], [60, 10], [60, 70], [10, 70]]
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    names = {"from_name": "label", "to_name": "image"}
    result = [
        {
            **names,
            **size,
            "id": "a",
            "type": "polygonlabels",
            "value": {"points": points, "polygonlabels": ["cell"], "closed": True},
        },
        {
            **names,
            **size,
            "id": "b",
            "type": "brushlabels",
            "value": {"format": "rle", "rle": [0, 0, 0, 8, 1, 2, 3], "brushlabels": ["drop"]},
        },
    ]
    tasks = [
        {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": part}]}
        for part in (result[:1], result)
    ]
    return (*_json(tasks[:1]), *_json(tasks[1:]))


def _qupath() -> Seeds:
    ring = [[*_RING, _RING[0]]]
    properties = {"objectType": "annotation", "classification": {"name": "cell"}}
    feature = {
        "type": "Feature",
        "id": "x",
        "geometry": {"type": "Polygon", "coordinates": ring},
        "properties": properties,
    }
    return _json({"type": "FeatureCollection", "features": [feature]})


def _supervisely() -> Seeds:
    polygon = {"exterior": _RING, "interior": []}
    thing = {"classTitle": "cell", "geometryType": "polygon", "points": polygon, "tags": []}
    size = {"height": HEIGHT, "width": WIDTH}
    return _json({"description": "", "tags": [], "size": size, "objects": [thing]})


def _imagej() -> Seeds:
    """A polygon of four points, as ImageJ writes it."""
    head = struct.pack(">4sHBB5H", b"Iout", 228, 0, 0, 2, 2, 8, 9, 4) + bytes(64 - 18)
    return (head + struct.pack(">8h", 0, 7, 7, 0, 0, 0, 6, 6),)


def _cellpose() -> Seeds:
    stream = io.BytesIO()
    content = {"masks": np.eye(HEIGHT, WIDTH, dtype=np.uint16), "filename": "a.png"}
    np.save(stream, np.array(content, dtype=object), allow_pickle=True)
    return (stream.getvalue(),)


def of_words(data: bytes, chance: random.Random) -> bytes:
    """Put hostile words and numbers in the place of others, in XML and in lists of numbers."""
    text = data.decode("utf-8", "replace")
    words = ("-1", "1e999", "nan", "2147483648", "", "0", "&x;", "<a>", "]]>", "<!--", "9" * 5000)
    parts = text.replace(">", "> ").replace("<", " <").replace(",", " , ").split(" ")
    for _ in range(chance.choice((1, 1, 2, 4))):
        parts[chance.randrange(len(parts))] = chance.choice((*words, chance.choice(parts)))
    if chance.random() < 0.05:
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        parts.insert(0, bomb)
    return " ".join(parts).encode() if chance.random() < 0.9 else of_bytes(data, chance)


_KINDS: Final[dict[str, tuple[str, Callable[[], Seeds], tuple[Mutation, ...]]]] = {
    "labelme": (".json", _labelme, (of_json,)),
    "via": (".json", _via, (of_json,)),
    "yolo": (".txt", _yolo, (of_words,)),
    "voc": (".xml", _voc, (of_words,)),
    "cvat": (".xml", _cvat, (of_words,)),
    "label-studio": (".json", _label_studio, (of_json,)),
    "imagej": (".roi", _imagej, ()),
    "qupath": (".geojson", _qupath, (of_json,)),
    "label-images": (".png", label_maps, (of_png,)),
    "cellpose": ("_seg.npy", _cellpose, ()),
    "supervisely": (".json", _supervisely, (of_json,)),
}


_WITHOUT_CLASSES: Final = ("imagej", "label-images", "cellpose")


def label_formats() -> list[tuple[str, str, Callable[[], Seeds], tuple[Mutation, ...], Any]]:
    """Name, ending, seeds, mutations and reader of each format that this relook reads."""
    if importlib.util.find_spec("relook.data.formats") is None:
        return []
    formats = importlib.import_module("relook.data.formats")

    def reader(name: str) -> Callable[[Path, Path], object]:
        def read(path: Path, folder: Path) -> object:
            formats.recognised(path)
            named = folder / "named"
            named.mkdir(exist_ok=True)
            for image in ("a.png", "input.png"):  # some formats name none, and mean their own
                (named / image).write_bytes((folder / "a.png").read_bytes())
            out, label = folder / "converted.json", "cell" if name in _WITHOUT_CLASSES else None
            return formats.convert(path, out, format=name, images=named, class_name=label)

        return read

    return [(name, *kind, reader(name)) for name, kind in _KINDS.items()]
