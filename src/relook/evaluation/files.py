"""Files of an evaluation; each is written as a whole, or not changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.coco.segmentation import MalformedMaskError
from ..errors import DataError
from ..runtime.files import write_text
from ..runtime.json_files import parse_json
from .ground_truth import is_number, safe_rle
from .metrics import Metrics


def save_metrics(
    path: Path | str, metrics: Metrics, conditions: Mapping[str, Any] | None = None
) -> None:
    """Write `metrics` as json, with the `conditions` they were made under where they are given;
    raises `RelookError` R02 when the file cannot be written."""
    content = metrics.to_json() | ({} if conditions is None else {"conditions": dict(conditions)})
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def save_predictions(path: Path | str, predictions: Sequence[Mapping[str, Any]]) -> None:
    """Write COCO result dictionaries as json, one a line; raises `RelookError` R02 likewise."""
    rows = ",\n".join(json.dumps(dict(row), allow_nan=False) for row in predictions)
    write_text(path, f"[\n{rows}\n]\n" if rows else "[]\n")


def read_predictions(
    path: Path | str, sizes: Mapping[int, tuple[int, int]]
) -> list[dict[str, Any]]:
    """COCO result dictionaries of a file, each checked, so that they are safe for pycocotools.

    Masks may be polygons or run lengths of either kind; they come out as compressed run lengths.
    `sizes` is (height, width) by image id.

    Raises:
        DataError: D01 or D03 when the file is missing or not json, D04 for an entry that is no
            result of these images, D09 for one whose mask cannot be read.
    """
    path = Path(path)
    try:
        rows = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError("D01", f"{path}: there is no such file.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError("D03", f"{path}: cannot be read as json ({error}).") from error
    if not isinstance(rows, list):
        raise DataError("D04", f"{path}: is not a list of detections.")
    for number, row in enumerate(rows):
        if not _is_result(row, sizes):
            raise DataError("D04", f"{path}: entry {number} is no detection in these images.")
        if row.get("segmentation") is not None:
            row["segmentation"] = _mask(path, number, row["segmentation"], sizes[row["image_id"]])
    return rows


def _is_result(row: Any, sizes: Mapping[int, tuple[int, int]]) -> bool:
    if not isinstance(row, dict):
        return False
    if not all(isinstance(row.get(key), int) for key in ("image_id", "category_id")):
        return False
    box = row.get("bbox")
    if row["image_id"] not in sizes or not isinstance(box, list) or len(box) != 4:
        return False
    return all(is_number(value) for value in (*box, row.get("score")))


def _mask(path: Path, number: int, mask: Any, size: tuple[int, int]) -> dict[str, Any]:
    try:
        code = safe_rle(mask, size)
    except MalformedMaskError as error:
        raise DataError("D09", f"{path}: the mask of entry {number} {error}.") from None
    counts = code["counts"]
    return {**code, "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}
