"""Seconds an image in bfloat16 over those in float32, and how far what is found differs.

Run `python benchmarks/precision.py --threads 1` in the root of the repository. Each model predicts
the same images in both precisions, taking turns in one process: shipped models their own images at
their own size, presets with random weights a photograph of 800x1333 pixels. Both clocks are read:
CPU time hardly changes where other programs share the machine. A step of training, loss and
gradients, is measured in the same way, on two images of 512x512 pixels with 30 drawn objects. AP is
a matter of `relook eval NAME --json FILE --images DIR --precision bf16`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ending import errors_in_words
from numpy.typing import NDArray
from speed.loads import drawn_target, image_batch

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
PRECISIONS = ("fp32", "bf16")
SIDE, OBJECTS = 512, 30  # of an image to train with: pixels, and objects on it
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


class Step:
    """A step of training of a preset with random weights, without the optimiser."""

    def __init__(self, name: str) -> None:
        config = preset(name)
        torch.manual_seed(0)
        self.detector = build(config).train()
        self.images = image_batch("photograph", SIDE, SIDE, 2, config)
        self.targets = [drawn_target(OBJECTS, SIDE, config, seed) for seed in (0, 1)]

    def seconds(self, precision: str) -> tuple[float, float]:
        """Seconds by the clock, and of CPU time."""
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            losses = self.detector.loss(self.images, self.targets)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.detector.zero_grad()
        return time.perf_counter() - wall, time.process_time() - cpu


def seconds(predictor: Predictor, images: Sequence[Pixels], precision: str) -> tuple[float, float]:
    """Seconds an image by the clock, and of CPU time."""
    predictor.precision = precision
    wall, cpu = time.perf_counter(), time.process_time()
    for image in images:
        predictor.predict(image)
    count = len(images)
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def predictions(name: str, images: int) -> dict[str, Callable[[], tuple[float, float]]]:
    """Measures of an image in each precision; both have met every kind of layer once."""
    sides = {precision: contender(name, images) for precision in PRECISIONS}
    for precision, (predictor, given) in sides.items():
        seconds(predictor, given[:1], precision)
    return {p: partial(seconds, *side, p) for p, side in sides.items()}


def steps(name: str) -> dict[str, Callable[[], tuple[float, float]]]:
    """Measures of a step in each precision; both were done once."""
    step = Step(name)
    for precision in PRECISIONS:
        step.seconds(precision)
    return {precision: partial(step.seconds, precision) for precision in PRECISIONS}


def measured(sides: Mapping[str, Callable[[], tuple[float, float]]], rounds: int) -> dict[str, Any]:
    """Medians of both precisions over the rounds, and the medians of their ratios."""
    times: dict[str, list[tuple[float, float]]] = {precision: [] for precision in sides}
    for _ in range(rounds):
        for precision, measure in sides.items():
            times[precision].append(measure())
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
    parser.add_argument("--models", nargs="*", default=models, help="shipped ones, or presets")
    trained = ["htc-tiny", "detectors-htc-tiny"]
    parser.add_argument("--trained", nargs="*", default=trained, help="presets to train a step of")
    parser.add_argument("--images", type=int, default=6, help="of a shipped model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    print("| what | CPU s, fp32 | bf16 | bf16 / fp32, CPU time | by the clock |")
    print("| --- | ---: | ---: | ---: | ---: |")
    rows = [
        *(
            (f"`{n}`, an image", partial(predictions, n, arguments.images))
            for n in arguments.models
        ),
        *((f"`{name}`, a step of training", partial(steps, name)) for name in arguments.trained),
    ]
    for words, sides in rows:
        row = measured(sides(), arguments.rounds)
        cells = [f"{row[key]:.2f}" for key in ("fp32", "bf16", "cpu", "wall")]
        print(f"| {words} | {' | '.join(cells)} |", flush=True)
    where = {**environment(), "threads": arguments.threads, "bfloat16": has_bfloat16()}
    print(f"\nOn: {json.dumps(where)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
