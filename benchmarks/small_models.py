"""`python -m benchmarks.small_models`: CPU time of a prediction by the shipped models, by part.

Validation images of the model's own data set are predicted, from pixels to result, in float32. A
part is reported without the parts inside it, as in `benchmarks.speed.profile`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from unittest.mock import patch

import torch

from relook import load
from relook.data.images import read_image

from .speed import profile, stopwatch
from .speed.coordinator import ROOT
from .speed.stopwatch import Stopwatch


def parts(name: str, images: int, rounds: int) -> dict[str, float]:
    """Mean CPU seconds an image by part; all parts of all predictions."""
    folder = ROOT / "datasets" / name
    content = json.loads((folder / "annotations/instances_val.json").read_text(encoding="utf-8"))
    files = [folder / "images" / entry["file_name"] for entry in content["images"][:images]]
    pixels = [read_image(file) for file in files]
    predictor = load(name, device="cpu")
    predictor.predict(pixels[0])
    detector = predictor.engine.held.folded(torch.float32)
    runs = []
    with patch.object(stopwatch.time, "perf_counter", time.thread_time):
        for image in pixels * rounds:
            watch = Stopwatch()
            with profile.watched(watch, detector), watch.part("everything else"):
                predictor.predict(image)
            runs.append(watch.seconds)
    names = {part: None for run in runs for part in run}
    return {part: statistics.mean(run.get(part, 0.0) for run in runs) for part in names}


def main(given: Sequence[str]) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="*", default=["nuclei", "mushrooms"])
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    for name in arguments.models:
        seconds = parts(name, arguments.images, arguments.rounds)
        total = sum(seconds.values())
        print(f"\n| `{name}` | ms | share |\n| --- | ---: | ---: |")
        for part, own in sorted(seconds.items(), key=lambda item: -item[1]):
            print(f"| {part} | {1e3 * own:.1f} | {own / total:.1%} |")
        print(f"| all | {1e3 * total:.1f} | |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
