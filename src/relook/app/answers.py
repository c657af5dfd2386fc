"""Results as the content of answers, by the writers of `--save`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from PIL import Image

from ..data.polygons import Polygon
from ..data.sources.stored import ImageBytes, stem_of
from ..errors import UsageError
from ..inference.results import Result
from ..inference.writers.geojson import write_geojson
from ..inference.writers.labels import label_image, write_labels
from ..inference.writers.options import SaveOptions
from ..inference.writers.shapes import object_polygons
from ..inference.writers.single import Saved
from ..runtime.csv_files import csv_text
from .fields import MaskForm, Wish
from .negotiation import ANSWERS, Choice

_MOST_IN_PNG: Final = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """One result of a request."""

    model: str
    result: Result
    notices: tuple[str, ...] = ()


def render(choice: Choice, predicted: Sequence[Predicted], wish: Wish) -> bytes:
    """The content of an answer.

    Raises:
        UsageError: U04 for what a kind cannot hold.
    """
    if not choice.zipped:
        return _RENDERERS[choice.kind](predicted, wish)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(predicted, start=1):
            stem = stem_of(ImageBytes(one.result.source or "image", b""))
            name = f"{number:03d}-{stem}{ANSWERS[choice.kind].ending}"
            archive.writestr(name, _RENDERERS[choice.kind]([one], wish))
    return content.getvalue()


def result_record(result: Result, masks: MaskForm = "rle", simplify: float = 0.0) -> dict[str, Any]:
    """The record of `Result.to_json`, with masks as run lengths, as polygons, or without.

    Polygons of an object are a list, each a list of rings of corners [x, y] along the edges of
    pixels, the outer ring first, then its holes. A ring is not closed: its last corner is joined to
    the first.
    """
    record = result.to_json()
    if masks == "rle":
        return record
    shapes = object_polygons(result, simplify) if masks == "polygons" else None
    for row in record["objects"]:
        row.pop("mask", None)
        if shapes is not None:
            row["polygons"] = [_rings(polygon) for polygon in next(shapes)]
    return record


def _rings(polygon: Polygon) -> list[list[list[float]]]:
    return [ring.tolist() for ring in (polygon.exterior, *polygon.holes)]


def _json(predicted: Sequence[Predicted], wish: Wish) -> bytes:
    records = []
    for one in predicted:
        record = result_record(one.result, wish.masks, wish.saving.simplify)
        records.append(record | ({"notices": list(one.notices)} if one.notices else {}))
    return json.dumps({"model": predicted[0].model, "results": records}).encode()


def _csv(predicted: Sequence[Predicted], wish: Wish) -> bytes:
    tables = [Saved(one.result, wish.saving).table for one in predicted]
    columns = list(dict.fromkeys(name for table in tables for name in table))
    rows = (
        row
        for table in tables
        for row in zip(
            *(table.get(name) or [None] * len(table["id"]) for name in columns), strict=True
        )
    )
    return csv_text(columns, rows).encode(errors="backslashreplace")


def _geojson(predicted: Sequence[Predicted], wish: Wish) -> bytes:
    text = io.StringIO()
    write_geojson(text, predicted[0].result, **Saved(predicted[0].result, wish.saving).geometry())
    return text.getvalue().encode()


def _labels(predicted: Sequence[Predicted], _: Wish) -> bytes:
    result = predicted[0].result
    if len(result) > _MOST_IN_PNG:
        raise UsageError(
            "U04",
            f"a PNG has 16 bits, and there are {len(result):,} objects. Accept image/tiff, which "
            "has 32.",
        )
    return _png(Image.fromarray(label_image(result).astype(np.uint16)))


def _labels_tiff(predicted: Sequence[Predicted], wish: Wish) -> bytes:
    result = predicted[0].result
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.tif"
        write_labels(path, result, wish.saving.pixel_size_of(result))
        return path.read_bytes()


def _overlay(predicted: Sequence[Predicted], wish: Wish) -> bytes:
    return _png(overlay(predicted[0].result, wish.saving))


def overlay(result: Result, saving: SaveOptions) -> Image.Image:
    """The image with its objects drawn in, or with its segments where there is a panoptic map."""
    text = False if saving.labels == "off" else None
    if result.panoptic is None:
        return result.draw(text=text, legend=text).convert("RGB")
    return result.draw_panoptic(text=text).convert("RGB")


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=3)
    return content.getvalue()


_RENDERERS: Final[Mapping[str, Callable[[Sequence[Predicted], Wish], bytes]]] = {
    "json": _json,
    "csv": _csv,
    "geojson": _geojson,
    "labels": _labels,
    "labels-tiff": _labels_tiff,
    "overlay": _overlay,
}
