"""Time of an image: onnxruntime beside relook's fast and plain ways and torchvision's Mask R-CNN.

    python benchmarks/onnx_speed.py [--model nuclei] [--repetitions 9]

One image of the nuclei, from its resized pixels to boxes and 28x28 masks; the ways take turns.
Columns: way, threads, median and fastest seconds, median and fastest of its time over that of
"relook, fast" in the same round, seconds of cores (of all threads together; on a busy machine
they are nearer to the truth), objects, load of the machine. torchvision's network is that of
`floor.py`, a ResNet-18 with random weights: its masks are as many as its cap allows. The file is
exported to build/onnx, or is there.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.yardstick.model import Yardstick  # noqa: E402

from relook import load  # noqa: E402
from relook.data.batching import batch_images  # noqa: E402
from relook.data.images import read_image  # noqa: E402
from relook.data.resizing import resize_image, resized_size  # noqa: E402
from relook.export.reading import read_onnx  # noqa: E402
from relook.export.session import OnnxNetwork, onnxruntime_package  # noqa: E402
from relook.export.writing import write_onnx  # noqa: E402
from relook.inference.engine import Engine  # noqa: E402
from relook.inference.options import PredictOptions  # noqa: E402
from relook.weights.file import load_model  # noqa: E402
from relook.weights.shipped import shipped_file  # noqa: E402

IMAGES = ROOT / "datasets" / "nuclei" / "images"


def ways(name: str, path: Path) -> dict[str, Callable[[], int]]:
    """Functions that detect once, and give the number of objects."""
    predictor = load(name, device="cpu")
    config, score = predictor.config, predictor.shown_from
    image = read_image(sorted(IMAGES.iterdir())[0])
    original = (image.shape[0], image.shape[1])
    small = resize_image(image, resized_size(*original, config.input.size))
    batch = batch_images([small], [original], *config.input.normalisation)
    options = PredictOptions(score=score)
    plain = Engine(predictor.detector, config.input, fast=False)
    network = OnnxNetwork(read_onnx(path), path)
    yardstick = Yardstick(config).eval()

    def stock() -> int:
        with torch.inference_mode():
            return len(yardstick.detect(batch, score_threshold=score)[0])

    return {
        "relook, fast": lambda: len(predictor.engine.run(batch, options)[0]),
        "relook, plain": lambda: len(plain.run(batch, options)[0]),
        "onnxruntime": lambda: len(network.detect([small], [original], score=score)[0]),
        "torchvision Mask R-CNN R-18": stock,
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--repetitions", type=int, default=9)
    options = parser.parse_args()
    path = ROOT / "build" / "onnx" / f"{options.model}.onnx"
    if not path.is_file():
        write_onnx(load_model(shipped_file(options.model)), path)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; torch "
        f"{torch.__version__}, onnxruntime {onnxruntime_package().__version__}"
    )
    for threads in (1, 2):
        torch.set_num_threads(threads)
        contenders = ways(options.model, path)
        counts = {name: run() for name, run in contenders.items()}
        times: dict[str, list[float]] = {name: [] for name in contenders}
        work: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(options.repetitions):
            for name, run in contenders.items():
                start, begun = time.perf_counter(), time.process_time()
                run()
                times[name].append(time.perf_counter() - start)
                work[name].append(time.process_time() - begun)
        load_now = os.getloadavg()[0]
        for name, seconds in times.items():
            pairs = zip(seconds, times["relook, fast"], strict=True)
            ratios = [mine / base for mine, base in pairs]
            print(
                f"| {name} | {threads} | {statistics.median(seconds):.3f} | {min(seconds):.3f} "
                f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} | {min(work[name]):.3f} "
                f"| {counts[name]} | {load_now:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
