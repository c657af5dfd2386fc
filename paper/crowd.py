"""`python -m paper.crowd RUN`: what HTC, Fast DSC and DSC find on one crowded photograph.

RUN is the folder of a `relook ablate` with the rows of `MODELS` (`make components`), all trained
on the same images for as many steps. The annotations alone choose the photograph, one that no
model was trained on, and the window of it that the page shows. The page draws what is written.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from relook.ablation.jobs import Numbers
from relook.ablation.rows import ROWS
from relook.data.coco.reader import CocoIndex, read_coco
from relook.errors import RelookError
from relook.evaluation.crowding.rule import HuddleRule, find_huddles
from relook.evaluation.ground_truth import GroundTruth, truth_of
from relook.inference.predictor import Predictor
from relook.ops.rle import RLE
from relook.runtime.json_files import read_json, write_json
from relook.training.run_folder import RunFolder, environment
from relook.weights.file import load_model

from .source import ROOT

PLACE = ROOT / "benchmarks/results/paper-crowd.json"
ANNOTATIONS = ROOT / "datasets/mushrooms/annotations/instances_val.json"
IMAGES = ROOT / "datasets/mushrooms/images"
MODELS = {"htc": "HTC", "fast-dsc": "Fast DSC", "full-dsc": "DSC"}
"""Names on the page, by the row of the ablation."""
SCORE = 0.5
HUDDLED = 0.1  # IoU of boxes above which an object counts as huddled
SIDE, STEP = 256, 32  # pixels of the window, and between the windows that are compared
_REMEDY = "Run python -m paper.crowd again."

Window = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels of the photograph


@dataclass(frozen=True, slots=True)
class Found:
    """One model: its training, its scores on all validation images, and its objects."""

    row: str
    model: str
    seed: int
    steps: int
    minutes: float
    box_ap: float  # in [0, 1], as the ablation measured it
    mask_ap: float
    scores: list[float]  # of the objects on the photograph, descending
    masks: list[RLE]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Masks that were found, with their origin."""

    command: str
    date: str
    environment: dict[str, Any]
    photograph: str  # file name
    window: Window
    score: float  # of an object at least
    models: list[Found]


def read(path: Path = PLACE) -> Crowd:
    """The masks that the script has written.

    Raises:
        DataError: D01 when there is no such file, D03 when it is damaged.
    """
    return read_json(path, Crowd, _REMEDY)


def validation() -> CocoIndex:
    """The images that the models are scored on, from which the photograph is."""
    return read_coco(ANNOTATIONS, IMAGES)


def choose(truth: GroundTruth) -> tuple[int, Window]:
    """The image with the most huddled objects, and its window with the most centres of such.

    Of windows with equally many, that with the most objects is taken.
    """
    huddles = find_huddles(truth, HuddleRule())
    image_id = max(truth.sizes, key=lambda key: len(_huddled(huddles.by_image.get(key, ()))))
    rows = [row for row in truth.objects if row["image_id"] == image_id]
    boxes = np.array([row["bbox"] for row in rows], dtype=np.float64).reshape(-1, 4)
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    is_huddled = np.isin(np.arange(len(rows)), _huddled(huddles.overlaps[r["id"]] for r in rows))

    def worth(window: Window) -> tuple[int, int]:
        inside = ((centres >= window[:2]) & (centres < window[2:])).all(axis=1)
        return int((inside & is_huddled).sum()), int(inside.sum())

    height, width = truth.sizes[image_id]
    corners = (
        (x, y)
        for y in range(0, max(height - SIDE, 0) + 1, STEP)
        for x in range(0, max(width - SIDE, 0) + 1, STEP)
    )
    return image_id, max(((x, y, x + SIDE, y + SIDE) for x, y in corners), key=worth)


def _huddled(overlaps: Iterable[float]) -> list[int]:
    """Numbers of the overlaps that are high."""
    return [number for number, overlap in enumerate(overlaps) if overlap > HUDDLED]


def find(run: Path, row: str, photograph: Path) -> Found:
    """Predict with the model of `row` and seed 0 in the folder of an ablation.

    Raises:
        RelookError: when the row is not there, or not done.
    """
    place = run / f"{row}-seed0"
    numbers: dict[str, Any] = read_json(
        place / "numbers.json", Numbers, "Run relook ablate to its end first."
    )
    saved = load_model(RunFolder(place / "run").best)
    result = Predictor.of(saved, device="cpu").predict(photograph, score=SCORE)
    assert result.masks is not None
    metrics = numbers["metrics"]
    return Found(
        row,
        ROWS[row].at("tiny").model,
        numbers["seed"],
        numbers["steps"],
        round(numbers["minutes"], 1),
        round(metrics["box"]["ap"], 4),
        round(metrics["mask"]["ap"], 4),
        [round(float(score), 3) for score in result.scores],
        list(result.masks),
    )


def main(given: Sequence[str]) -> int:
    """Predict and write; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m paper.crowd", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("run", type=Path, help="folder of the ablation")
    parser.add_argument("--rows", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--out", type=Path, default=PLACE)
    arguments = parser.parse_args(given)
    try:
        index = validation()
        image_id, window = choose(truth_of(index))
        record = next(one for one in index.images if one.id == image_id)
        crowd = Crowd(
            shlex.join(["python", "-m", "paper.crowd", *given]),
            datetime.now(UTC).date().isoformat(),
            environment(),
            record.path.name,
            window,
            SCORE,
            [find(arguments.run, row, record.path) for row in arguments.rows],
        )
        write_json(arguments.out, asdict(crowd))
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for one in crowd.models:
        print(f"{one.row}: mask AP {100 * one.mask_ap:.1f}, {len(one.masks)} objects")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
