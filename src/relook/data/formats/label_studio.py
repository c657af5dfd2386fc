"""Label Studio: the json export, of polygons, brushes, rectangles and ellipses.

Coordinates are percent of width and height. Of several annotations of a task the one marked as
ground truth counts, else the one that was changed last. Predictions are read where no task of the
file has an annotation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ...structures.detection import Size
from ..coco.json_form import finite_of
from .brush import brush_mask
from .geometry import Ellipse, Outline, Shape, UnusableShapeError, pixels, points_of, rectangle
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_json
from .source import Source, bad_shape, numbers_of, plain_pairs, refusal

_TOOL: Final = "Label Studio"
_UPLOADED: Final = 9  # characters of a hash and a dash, which uploads are named with
_MOST_PIXELS: Final = 400_000_000

Entry = dict[str, Any]


def read_label_studio(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the tasks of an export, or of those in a folder.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed region,
            D10 for an image of another size.
    """
    source.refuse_class(_TOOL)
    for path in source.files("*.json"):
        tasks = read_json(path)
        tasks = [tasks] if isinstance(tasks, dict) and "data" in tasks else tasks
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            if source.path.is_dir():
                source.account.leave_out("json file that is not of Label Studio", path.name)
                continue
            raise refusal(path, _TOOL, "it is no list of tasks")
        if any("data" not in task for task in tasks):
            raise refusal(
                path, _TOOL, 'a task has no "data"; choose the export "JSON", not JSON-MIN'
            )
        use_predictions = not any(_annotations(task) for task in tasks)
        if use_predictions and any(task.get("predictions") for task in tasks):
            source.account.note("no task has annotations: predictions are read")
        for row, task in enumerate(tasks, 1):
            where = f"{path.name}: task {task.get('id', row)!r:.40}"
            chosen = _prediction(task) if use_predictions else _chosen(source, task, where)
            if chosen is None:
                source.account.leave_out("task without annotations", where)
            else:
                yield _image(source, path, task, chosen, where)


def _annotations(task: Entry) -> list[Entry]:
    rows = task.get("annotations", task.get("completions"))
    rows = rows if isinstance(rows, list) else []
    return [row for row in rows if isinstance(row, dict) and not row.get("was_cancelled")]


def _prediction(task: Entry) -> Entry | None:
    rows = task.get("predictions")
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return rows[-1] if rows else None


def _chosen(source: Source, task: Entry, where: str) -> Entry | None:
    """The annotation of a task that counts; None where it has none."""
    rows = _annotations(task)
    if len(rows) > 1:
        source.account.change(
            "task with several annotations: the ground truth, else the latest, is read", where
        )
        rows.sort(key=lambda row: str(row.get("updated_at") or row.get("created_at") or ""))
        rows.sort(key=lambda row: row.get("ground_truth") is True)
    return rows[-1] if rows else None


def _image(source: Source, path: Path, task: Entry, chosen: Entry, where: str) -> AnnotatedImage:
    results = chosen.get("result")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise refusal(path, _TOOL, f"{where} has no list of results")
    name = _image_name(path, task, results)
    image = _found(source, name, path, where)
    said = {size for row in results if (size := _size(row)) is not None}
    if len(said) > 1:
        raise refusal(path, _TOOL, f"{where} has regions for images of several sizes")
    size = source.finder.size(image, where, said.pop() if said else None)
    objects = tuple(_objects(source, results, size, where))
    return AnnotatedImage(path=image, size=size, objects=objects)


def _image_name(path: Path, task: Entry, results: list[Entry]) -> str:
    """The name of the image of a task: what regions are on, or the only text of its data."""
    data = task["data"] if isinstance(task["data"], dict) else {}
    keys = [key for row in results if isinstance(key := row.get("to_name"), str) and key in data]
    texts = [data[key] for key in (*keys, "image", "img", "image_url", "ocr") if key in data]
    names = [text for text in (*texts, *data.values()) if isinstance(text, str) and text]
    if not names:
        raise refusal(path, _TOOL, 'a task has no name of an image in its "data"')
    return names[0]


def _found(source: Source, name: str, path: Path, where: str) -> Path:
    try:
        return source.finder.named(name, path.parent, where)
    except DataError:
        plain = name.replace("\\", "/").rpartition("/")[2]
        if plain[_UPLOADED - 1 : _UPLOADED] != "-":
            raise
        return source.finder.named(plain[_UPLOADED:], path.parent, where)


def _size(row: Entry) -> Size | None:
    sides = finite_of(row.get("original_height")), finite_of(row.get("original_width"))
    if sides[0] is None or sides[1] is None:
        return None
    height, width = int(sides[0]), int(sides[1])
    return (height, width) if 0 < height * width <= _MOST_PIXELS and height > 0 else None


def _objects(
    source: Source, results: list[Entry], size: Size, task: str
) -> Iterator[AnnotatedObject]:
    named = _labels_by_id(results)
    read: dict[str, str] = {}  # kinds of the regions that were read, by their ids
    for number, row in enumerate(results, 1):
        where = f"{task}, region {number}"
        value, kind, key = row.get("value"), str(row.get("type")), row.get("id")
        if not isinstance(value, dict):
            source.account.leave_out(f"result without a region ({kind[:30]})", where)
            continue
        if row.get("image_rotation"):
            raise bad_shape(where, UnusableShapeError("is on an image that was turned in the tool"))
        base = kind.removesuffix("labels") or "labels"
        if isinstance(key, str):
            if key in read and "labels" in (base, read[key]):
                continue  # one region, once with its shape and once with its class
            read[key] = base
        try:
            shape = _shape(source, base, value, size, where)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is None:
            continue
        labels = value.get(kind, value.get("labels")) or named.get(str(key), [])
        listed = labels if isinstance(labels, list) else []
        names = [name for name in listed if isinstance(name, str)]
        if not names:
            source.account.leave_out("region without a class", where)
            continue
        if len(names) > 1:
            source.account.change("region of several classes: the first is read", where)
        yield AnnotatedObject(name=names[0], shapes=(shape,), where=where)


def _labels_by_id(results: list[Entry]) -> dict[str, Any]:
    """Classes that stand in a result of their own, by the id of their region."""
    return {
        row["id"]: row["value"].get("labels")
        for row in results
        if row.get("type") == "labels"
        and isinstance(row.get("value"), dict)
        and isinstance(row.get("id"), str)
    }


def _shape(source: Source, kind: str, value: Entry, size: Size, where: str) -> Shape | None:
    """The shape of a region in pixels; None for one without area, which is counted."""
    height, width = size
    scale = (width / 100, height / 100)
    if kind == "brush" or "rle" in value:
        return pixels(brush_mask(value.get("rle"), size), 0, 0, size)
    if "points" in value and value.get("closed", True):
        points = points_of(plain_pairs(value["points"]) * scale)
        if len(points) >= 3:
            return Outline((points,))
    elif "radiusX" in value:
        x, y, first, second = numbers_of(value, "x", "y", "radiusX", "radiusY")
        turn = math.radians(_turn(value))
        return Ellipse(x * scale[0], y * scale[1], first * scale[0], second * scale[1], turn)
    elif "width" in value and kind in ("rectangle", "labels"):
        x, y, wide, tall = numbers_of(value, "x", "y", "width", "height")
        if wide or tall:
            (x, wide), (y, tall) = (x * scale[0], wide * scale[0]), (y * scale[1], tall * scale[1])
            return rectangle(x, y, x + wide, y + tall, _turn(value), at="corner")
    source.account.leave_out(f"region without area ({kind[:30]})", where)
    return None


def _turn(value: Entry) -> float:
    return numbers_of({"rotation": value.get("rotation") or 0}, "rotation")[0]
