"""Images whose results are known, and the comparison of an answer with them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from relook.inference.predictor import Predictor
from relook.inference.results import Result

PHOTOS: Final = Path(__file__).parents[2] / "datasets" / "nuclei" / "images"
SIDES: Final = (64, 96, 128, 200, 256, 320, 400, 512)  # pixels of mixed sizes
PIXELS: Final = 0.5  # by which a box may differ, since batches change the last digits
SCORE: Final = 0.01
SHARE: Final = 0.01  # of the pixels of a label image, or of an object


@dataclass(frozen=True, eq=False)
class Known:
    """An image file, and what the model finds in it."""

    name: str
    content: bytes
    media: str
    result: Result


def known_images(predictor: Predictor, number: int, seed: int, largest: int = 512) -> list[Known]:
    """Parts of photographs of many sizes as PNG, JPEG and TIFF, and their results."""
    chance = np.random.default_rng(seed)
    photos = sorted(PHOTOS.glob("*.jpg"))
    sides = [side for side in SIDES if side <= largest]
    found = []
    for k in range(number):
        with Image.open(photos[int(chance.integers(len(photos)))]) as photo:
            pixels = np.asarray(photo.convert("RGB"))
        height, width = (min(int(chance.choice(sides)), side) for side in pixels.shape[:2])
        top = int(chance.integers(pixels.shape[0] - height + 1))
        left = int(chance.integers(pixels.shape[1] - width + 1))
        part = np.ascontiguousarray(pixels[top : top + height, left : left + width])
        kind = ("png", "jpeg", "tiff")[k % 3]
        content = _encoded(part, kind)
        result = predictor.predict(content)
        found.append(Known(f"{k:03d}.{kind}", content, f"image/{kind}", result))
    return found


def _encoded(pixels: NDArray[np.uint8], kind: str) -> bytes:
    content = io.BytesIO()
    if kind == "tiff":
        tifffile.imwrite(content, pixels, photometric="rgb")
    else:
        Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def record_difference(record: dict[str, Any], known: Known) -> str:
    """How a record of json differs from what is known; empty where it does not."""
    result, objects = known.result, record["objects"]
    if record["source"] != known.name:
        return f"{known.name} was answered as {record['source']}"
    if (record["height"], record["width"]) != result.size:
        return f"{known.name}: size {record['width']} x {record['height']}"
    return _difference(
        known,
        [row["box"] for row in objects],
        [row["score"] for row in objects],
        [row["name"] for row in objects],
    )


def table_difference(text: str, known: Known) -> str:
    """As `record_difference`, for a csv."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return _difference(
        known,
        [[float(row[name]) for name in ("x1", "y1", "x2", "y2")] for row in rows],
        [float(row["score"]) for row in rows],
        [row["class"] for row in rows],
    )


def label_difference(content: bytes, known: Known) -> str:
    """As `record_difference`, for a label image."""
    labels = np.asarray(Image.open(io.BytesIO(content)))
    expected = known.result.label_image()
    if labels.shape != expected.shape:
        return f"{known.name}: a label image of {labels.shape}, not {expected.shape}"
    share = float((labels != expected).mean())
    return f"{known.name}: {share:.1%} of the label image differ" if share > SHARE else ""


def _difference(
    known: Known, boxes: Sequence[Any], scores: Sequence[float], names: Sequence[str]
) -> str:
    result = known.result
    if len(boxes) != len(result):
        return f"{known.name}: {len(boxes)} objects, not {len(result)}"
    if not boxes:
        return ""
    off = np.abs(np.asarray(boxes) - result.boxes).max()
    if off > PIXELS:
        return f"{known.name}: a box is {off:.1f} pixels off"
    if np.abs(np.asarray(scores) - result.scores).max() > SCORE:
        return f"{known.name}: scores differ"
    return "" if list(names) == result.names else f"{known.name}: classes differ"
