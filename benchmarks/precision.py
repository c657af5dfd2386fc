"""Seconds an image in bfloat16 over those in float32, and how far what is found differs.

Run `python benchmarks/precision.py --threads 1` in the root of the repository. Each model predicts
the same images in both precisions, taking turns in one process: shipped models their own images at
their own size, presets with random weights a photograph of 800x1333 pixels. Both clocks are read:
CPU time hardly changes where other programs share the machine. AP is a matter of
`relook eval NAME --json FILE --images DIR --precision bf16`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ending import errors_in_words
from numpy.typing import NDArray

from relook import load
from relook.api import build
from relook.config.presets import PRESETS, preset
from relook.data.coco.reader import Category
from relook.data.images import read_image
from relook.data.resizing import resize_image
from relook.inference.precision import has_bfloat16
from relook.inference.predictor import Predictor
from relook.training.run_folder import environment

ROOT = Path(__file__).resolve().parents[1]
PHOTOGRAPH = ROOT / "datasets/coco_mini/images/000000000308.jpg"
Pixels = NDArray[np.uint8]


def contender(name: str, images: int) -> tuple[Predictor, list[Pixels]]:
    """A shipped model and some of its images, or a preset and the photograph."""
    if name not in PRESETS:
        paths = sorted((ROOT / "datasets" / name / "images").iterdir())[:images]
        return load(name, device="cpu"), [read_image(path) for path in paths]
    torch.manual_seed(0)
    config = preset(name)
    classes = [Category(n, f"class {n}") for n in range(1, config.num_classes + 1)]
    predictor = Predictor(build(name), config, classes, device="cpu")
    return predictor, [np.ascontiguousarray(resize_image(read_image(PHOTOGRAPH), (800, 1333)))]


def seconds(predictor: Predictor, images: Sequence[Pixels], precision: str) -> tuple[float, float]:
    """Seconds an image by the clock, and of CPU time."""
    predictor.precision = precision
    wall, cpu = time.perf_counter(), time.process_time()
    for image in images:
        predictor.predict(image)
    count = len(images)
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def measured(name: str, images: int, rounds: int) -> dict[str, Any]:
    """Medians of both precisions over the rounds, and the medians of their ratios."""
    sides = {precision: contender(name, images) for precision in ("fp32", "bf16")}
    for precision, (predictor, given) in sides.items():
        seconds(predictor, given[:1], precision)  # folds, and meets every kind of layer once
    times: dict[str, list[tuple[float, float]]] = {precision: [] for precision in sides}
    for _ in range(rounds):
        for precision, (predictor, given) in sides.items():
            times[precision].append(seconds(predictor, given, precision))
    pairs = list(zip(times["bf16"], times["fp32"], strict=True))
    return {
        **{p: statistics.median(cpu for _, cpu in times[p]) for p in sides},
        "wall": statistics.median(ours[0] / theirs[0] for ours, theirs in pairs),
        "cpu": statistics.median(ours[1] / theirs[1] for ours, theirs in pairs),
    }


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Measure, and print the table; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    models = ["nuclei", "mushrooms", "htc-r50", "detectors-htc-r50"]
    parser.add_argument("--models", nargs="+", default=models, help="shipped ones, or presets")
    parser.add_argument("--images", type=int, default=6, help="of a shipped model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    print("| model | CPU s an image, fp32 | bf16 | bf16 / fp32, CPU time | by the clock |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in arguments.models:
        row = measured(name, arguments.images, arguments.rounds)
        cells = [f"{row[key]:.2f}" for key in ("fp32", "bf16", "cpu", "wall")]
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)
    where = {**environment(), "threads": arguments.threads, "bfloat16": has_bfloat16()}
    print(f"\nOn: {json.dumps(where)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
