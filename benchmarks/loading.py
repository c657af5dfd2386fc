"""Loader of a training beside its step, and memory of a prediction of many images.

``python benchmarks/loading.py`` measures both in one run. A loader keeps up when it gives an image
in less time than a step takes for one; without worker processes the two add up. Memory is that of
the process after every 250 of 2,000 small images, predicted by a narrow model.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.inference.batch.run import predict_files
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.models.build import build_detector
from relook.runtime.json_files import write_json
from relook.training.loading import BatchMaker, TrainingBatch, training_loader
from relook.training.run_folder import environment
from relook.training.settings import Overlay, resolve
from relook.training.sources import read_sources

ROOT = Path(__file__).resolve().parents[1]
NARROW: dict[str, Any] = {
    "backbone__blocks": (1, 1, 1, 1),
    "backbone__width": 16,
    "pyramid__channels": 16,
    "cascade__box_hidden": 16,
    "cascade__mask_channels": 16,
    "rpn__test__proposals": 20,
}


def loading(model: str, data: Path, batches: int) -> dict[str, Any]:
    """Seconds of an image: of the step, and of loaders with 0 and 2 worker processes."""
    place = Overlay(
        train={"seed": 0},
        data={
            "train_json": str(data / "annotations/instances_train.json"),
            "train_images": str(data / "images"),
        },
    )
    settings, sources = read_sources(resolve([place], preset_name=model))
    source, recipe = sources.training_set(settings), settings.train
    maker = BatchMaker(*settings.model.input.normalisation)
    found: dict[str, Any] = {"model": model, "data": data.name, "batch": recipe.batch}
    kept: list[TrainingBatch] = []
    for workers in (0, 2):
        loader = training_loader(source, recipe.batch, workers, 0, maker)
        stream: Iterator[TrainingBatch] = iter(loader)
        kept = [next(stream), next(stream)]  # starting the processes is not counted
        wall, cpu = time.perf_counter(), time.process_time()
        images = sum(len(batch) for batch in islice(stream, batches))
        found[f"loader_{workers}_workers_wall_s"] = (time.perf_counter() - wall) / images
        if not workers:
            found["loader_cpu_s"] = (time.process_time() - cpu) / images
        loader.close()
    detector = build_detector(settings.model).train()
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in kept:
        sum(detector.loss(batch.images, batch.targets).values()).backward()
    count = sum(len(batch) for batch in kept)
    found["step_wall_s"] = (time.perf_counter() - wall) / count
    found["step_cpu_s"] = (time.process_time() - cpu) / count
    found["loader_over_step_cpu"] = found["loader_cpu_s"] / found["step_cpu_s"]
    return found


def memory(images: int, each: int) -> dict[str, Any]:
    """Memory of the process, in MB, after every `each` of `images` images."""
    config = preset("htc-tiny").with_(**NARROW)
    predictor = Predictor(build_detector(config).eval(), config, [Category(1, "thing")])
    options = PredictOptions(size=(96, 96), score=0.0, max_dets=10)
    draw = np.random.default_rng(0)
    measured = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number in range(images):
            paths.append(folder / f"{number:05d}.png")
            pixels = draw.integers(0, 256, (*draw.integers(48, 97, 2), 3), dtype=np.uint8)
            Image.fromarray(pixels).save(paths[-1])

        def count(_outcome: object, done: int, _total: int) -> None:
            if done % each == 0:
                measured[done] = resident()

        predict_files(predictor, paths, folder / "out", options, save=["coco"], on_image=count)
    return {"images": images, "mb_after": measured}


def resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and write all numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="detectors-htc-tiny")
    parser.add_argument("--data", type=Path, default=ROOT / "datasets/nuclei")
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/loading.json")
    options = parser.parse_args(words)
    torch.set_num_threads(options.threads)
    results = {
        "memory": memory(options.images, max(options.images // 8, 1)),
        "loading": loading(options.model, options.data, options.batches),
    }
    print(json.dumps(results, indent=1))
    state = {**environment(), "threads": options.threads, "load": os.getloadavg()}
    write_json(options.out, {**results, "machine": state})


if __name__ == "__main__":
    main()
