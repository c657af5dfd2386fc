"""Result files for a test server with hidden ground truth, in COCO's format.

Boxes and masks are submitted separately, each as a zip that holds one json and no folder:
``detections_[images]_[algorithm]_results.json`` in a zip of the same name. An entry has image_id,
category_id and score, and either bbox (x, y, width, height in pixels) or segmentation (run
lengths); not both, because the area of an object of a given size would then be that of its box.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Unpack

import numpy as np

from ...data.coco.reader import CocoIndex
from ...errors import DataError, first_few
from ...inference.options import OptionChanges, PredictOptions
from ...inference.predictor import DEFAULTS, Predictor
from ...inference.results import Result
from ...runtime.files import replacing
from ..run import check_size, for_scoring, match_classes
from .check import MOST, Kind, check_submission

_DIGITS: Final = 5  # of a score; equal scores keep their order, the better first

Write = Callable[[Mapping[str, Any]], None]


def submission_name(json_path: Path, algorithm: str) -> str:
    """Name of the files for the server: ``detections_[images]_[algorithm]_results``.

    The images of ``image_info_test-dev2017.json`` are test-dev2017. In both parts, characters
    other than letters, digits, dots and hyphens become hyphens.
    """
    images = re.sub(r"^(image_info|instances)_", "", json_path.stem)
    parts = [re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-") for part in (images, algorithm)]
    return f"detections_{parts[0] or 'images'}_{parts[1] or 'relook'}_results"


def write_submission(
    predictor: Predictor,
    index: CocoIndex,
    folder: Path,
    name: str,
    options: PredictOptions = DEFAULTS,
    *,
    progress: Callable[[int, int], None] | None = None,
    **changes: Unpack[OptionChanges],
) -> list[Path]:
    """Write ``bbox/NAME.zip`` and, of a model with masks, ``segm/NAME.zip`` into `folder`.

    Detections in the images of `index` are written image by image, so that memory does not grow
    with their number. An image has at most `max_dets` objects (100 by default), the best first,
    with boxes to a hundredth of a pixel. The files are checked by `check_submission` before they
    get their names. `progress` is called with the number of finished images, and of all.

    Raises:
        DataError: D13 when the model lacks a class of the file, D11 when there is no image, D10
            when an image has another size than in the file, D01 or D02 when one cannot be read,
            D16 when nothing was found in any image.
        RelookError: R02 when a file cannot be written.
    """
    options = options.with_(**changes)
    max_dets = options.max_dets or MOST
    options = for_scoring(predictor, replace(options, max_dets=max_dets))
    ids = _ids(predictor, index)
    if not index.images:
        raise DataError("D11", f"{index.path}: there are no images for results.")
    kinds: tuple[Kind, ...] = ("bbox", "segm") if predictor.config.cascade.masks else ("bbox",)
    paths = [folder / kind / f"{name}.zip" for kind in kinds]
    with (
        closing(predictor.stream((image.path for image in index.images), options)) as results,
        ExitStack() as files,
    ):
        writers = [files.enter_context(_results_file(path, index, max_dets)) for path in paths]
        for done, (record, result) in enumerate(zip(index.images, results, strict=True), start=1):
            check_size(record.path, result.size, index.path, (record.height, record.width))
            for kind, write in zip(kinds, writers, strict=True):
                for row in _rows(result, record.id, ids, kind):
                    write(row)
            if progress is not None:
                progress(done, len(index.images))
    return paths


def _ids(predictor: Predictor, index: CocoIndex) -> Mapping[int, int]:
    """Category id of the model -> that of the file, which must not have more classes."""
    ids = match_classes(predictor.classes, index)
    names = {category.name for category in predictor.classes}
    missing = [category.name for category in index.classes if category.name not in names]
    if missing:
        listed = first_few(missing, 20)
        raise DataError(
            "D13",
            f"{index.path}: the model was not trained on {listed}, so every such object would "
            "count as missed, unseen. Give a model of all classes, or remove these categories from "
            "the file.",
        )
    return ids


def _rows(
    result: Result, image_id: int, ids: Mapping[int, int], kind: Kind
) -> Iterator[dict[str, Any]]:
    """The entries of one image, the best first."""
    height, width = result.size
    boxes = result.boxes.astype(np.float64).clip(0, [width, height, width, height]).round(2)
    for i, label in enumerate(result.labels.tolist()):
        category_id = ids.get(result.classes[label].id)
        if category_id is None:
            continue  # a class that the file does not have
        row: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
        if kind == "bbox":
            x1, y1, x2, y2 = boxes[i].tolist()
            row["bbox"] = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
        elif result.masks is not None:
            row["segmentation"] = dict(result.masks[i])
        yield {**row, "score": round(float(result.scores[i]), _DIGITS)}


@contextmanager
def _results_file(path: Path, index: CocoIndex, max_dets: int) -> Iterator[Write]:
    """Write entries to a zip of one json list; it is checked before it gets its name."""
    with replacing(path) as draft:
        with (
            zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(f"{path.stem}.json", "w", force_zip64=True) as file,
        ):
            between = "[\n"

            def write(row: Mapping[str, Any]) -> None:
                nonlocal between
                file.write((between + json.dumps(dict(row), allow_nan=False)).encode())
                between = ",\n"

            yield write
            if between == "[\n":
                raise DataError(
                    "D16",
                    f"{path.name}: nothing was found in any image, and a server takes no empty "
                    "file. Give another model.",
                )
            file.write(b"\n]\n")
        check_submission(draft, index, max_dets)
