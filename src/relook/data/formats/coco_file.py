"""The COCO file of annotations that were read: polygons where they say it, else run lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ...errors import DataError, counted
from ...ops.rle import encode_runs
from ...structures.detection import Size
from .contours import contour_pixels, is_contour
from .geometry import Outline, Rectangle, Shape, UnusableShapeError, bounds_of, joined_runs
from .image_files import plain_absolute
from .records import Account, AnnotatedImage, AnnotatedObject, ConvertOptions
from .source import bad_shape

_MARGIN: Final = 1.0  # pixels by which a polygon may leave its image
_DEFAULT: Final = ConvertOptions()


def coco_content(
    folder: Path,
    images: Sequence[AnnotatedImage],
    account: Account,
    options: ConvertOptions = _DEFAULT,
) -> tuple[dict[str, Any], Counter[str]]:
    """One COCO file of `images`, whose files are in `folder`, and its objects by class.

    Categories are in the order in which they were declared, others follow by name; their ids
    count from 1. Objects without a pixel in the image are left out and counted.

    Raises:
        DataError: D09 for a shape that cannot be used.
    """
    named = {item.name for image in images for item in image.objects if item.name.strip()}
    used = sorted(named)
    categories = {name: row for row, name in enumerate(dict.fromkeys([*account.classes, *used]), 1)}
    counts: Counter[str] = Counter(dict.fromkeys(categories, 0))
    rows: list[dict[str, Any]] = []
    is_traced = 0
    entries: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        height, width = image.size
        name = plain_absolute(image.path).relative_to(folder).as_posix()
        entry = {"id": number, "file_name": name, "width": width, "height": height}
        entries.append(entry | ({"split": image.split} if image.split else {}))
        for item in image.objects:
            if not item.name.strip():
                account.leave_out("object without a class", item.where)
                continue
            is_traced += any(isinstance(s, Outline) and is_contour(s) for s in item.shapes)
            made = _geometry(item, image.size, account, options)
            if made is None:
                continue
            counts[item.name] += 1
            head = {"id": len(rows) + 1, "image_id": number}
            rows.append(
                {**head, "category_id": categories[item.name], **made, "iscrowd": 0, **item.extra}
            )
    if options.outlines == "edges" and 2 * is_traced > len(rows):
        account.note(
            f"{counted(is_traced, 'polygon')} from pixel to neighbouring pixel, as contours that a "
            "program made of masks. If they run through the centres of border pixels, say "
            "--outlines centres: read along edges, objects are half a pixel too small on every side"
        )
    content = {
        "images": entries,
        "categories": [{"id": row, "name": name} for name, row in categories.items()],
        "annotations": rows,
    }
    return content, counts


def _geometry(
    item: AnnotatedObject, size: Size, account: Account, options: ConvertOptions
) -> dict[str, Any] | None:
    """``bbox``, ``area`` and ``segmentation`` of an object; None for one that is left out."""
    shapes = item.shapes
    try:
        if options.outlines == "centres":
            shapes = tuple(
                contour_pixels(shape, size) if isinstance(shape, Outline) else shape
                for shape in shapes
            )
        runs = joined_runs(shapes, size)
    except UnusableShapeError as error:
        raise bad_shape(item.where, error) from None
    if not runs.area:
        account.leave_out("object without a pixel in its image", item.where)
        return None
    box = _box(shapes, size)
    if options.rectangles == "boxes" and all(isinstance(shape, Rectangle) for shape in shapes):
        return {"bbox": box, "area": box[2] * box[3]}
    polygons = _polygons(shapes, size)
    segmentation: Any = encode_runs(runs, size) if polygons is None else polygons
    return {"bbox": box, "area": runs.area, "segmentation": segmentation}


def _box(shapes: Sequence[Shape], size: Size) -> list[float]:
    """[x, y, width, height] around the shapes, inside the image."""
    height, width = size
    x1, y1, x2, y2 = zip(*map(bounds_of, shapes), strict=True)
    left, top = max(min(x1), 0.0), max(min(y1), 0.0)
    right, bottom = min(max(x2), float(width)), min(max(y2), float(height))
    return [round(value, 6) for value in (left, top, right - left, bottom - top)]


def _polygons(shapes: Sequence[Shape], size: Size) -> list[list[float]] | None:
    """Polygons of COCO, which have no holes; None where they cannot say it."""
    height, width = size
    polygons = []
    for shape in shapes:
        if isinstance(shape, Rectangle):
            ring = shape.corners
        elif isinstance(shape, Outline) and len(shape.rings) == 1:
            (ring,) = shape.rings
        else:
            return None
        low, high = ring.min(axis=0), ring.max(axis=0)
        if min(low) < -_MARGIN or high[0] > width + _MARGIN or high[1] > height + _MARGIN:
            return None
        polygons.append(ring.ravel().tolist())
    return polygons


def check_not_empty(counts: Counter[str], source: Path, account: Account) -> None:
    """Refuse a conversion without objects; D11."""
    if not sum(counts.values()):
        reasons = "; ".join(account.lines())
        raise DataError(
            "D11",
            f"{source.name}: no object was found in it. {reasons or 'Its files have none'}.",
        )
