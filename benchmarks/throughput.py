"""Images a second of `relook predict` on a folder, over those of the network alone.

Run `python benchmarks/throughput.py --threads 2` in the root of the repository. Both sides see the
same images in the same process and take turns: what the command does (read, resize, network,
paste, code, draw, write) and the network alone on batches that were prepared before. One is best;
what is missing to it is time in which the network waits. The ratio of CPU times is another number:
the share of all work that is the network's, which other programs on the machine hardly change.

`--processes 1 2` measures whole commands with so many processes (`--devices`) in turns, from their
start to their end, each with `--threads` over their number.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from relook import load
from relook.data.sources.finding import find_sources
from relook.inference.batch.run import predict_files
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Prepared, read
from relook.runtime.files import write_text
from relook.training.run_folder import environment


class Seconds(NamedTuple):
    """Time by the clock, and CPU time of all threads."""

    wall: float
    cpu: float


def network_seconds(
    predictor: Predictor, batches: Sequence[list[Prepared]], options: PredictOptions
) -> Seconds:
    """Seconds for the network on `batches` that are in memory, to detections."""
    options = predictor.resolved(options)
    started, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        predictor.engine.run_prepared(batch, options)
    return Seconds(time.perf_counter() - started, time.process_time() - cpu)


def command_seconds(
    predictor: Predictor, images: list[Path], kinds: Sequence[str], options: PredictOptions
) -> Seconds:
    """Seconds for what `relook predict` does once the model is loaded."""
    cpu = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        wall = predict_files(predictor, images, folder, options, save=kinds).seconds
    return Seconds(wall, time.process_time() - cpu)


def summary(count: int, network: Sequence[Seconds], command: Sequence[Seconds]) -> dict[str, Any]:
    """Images a second of both, and their ratio: medians and quartiles over the rounds."""
    pairs = list(zip(network, command, strict=True))
    ratios = [n.wall / c.wall for n, c in pairs]
    return {
        "images": count,
        "rounds": len(ratios),
        "network_images_per_second": count / statistics.median(n.wall for n in network),
        "command_images_per_second": count / statistics.median(c.wall for c in command),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "cpu_ratio": statistics.median(n.cpu / c.cpu for n, c in pairs),
        "network_seconds": list(network),
        "command_seconds": list(command),
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The numbers by what is saved, as Markdown."""
    lines = [
        "| saved | network, images/s | `relook predict`, images/s | ratio (lowest to highest) "
        "| ratio of CPU times |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        rates = [row[f"{side}_images_per_second"] for side in ("network", "command")]
        shown = " | ".join(f"{rate:.2f}" for rate in rates)
        low, high = min(row["ratios"]), max(row["ratios"])
        ratio = f"{row['ratio']:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"| {name} | {shown} | {ratio} | {row['cpu_ratio']:.3f} |")
    return "\n".join(lines)


def measure(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Numbers by what is saved."""
    predictor = load(arguments.model, device=arguments.device)
    images = find_sources([str(arguments.images)]).files[: arguments.limit]
    size = tuple(arguments.size) if arguments.size else predictor.config.input.size
    prepared = [one for one in (read(path, size) for path in images) if isinstance(one, Prepared)]
    batches = [[one] for one in prepared]
    options = PredictOptions(size=size)
    network_seconds(predictor, batches[:3], options)  # the first images are slower
    rows = {}
    for saved in arguments.save:
        network, command = [], []
        for number in range(arguments.rounds):
            network.append(network_seconds(predictor, batches, options))
            command.append(command_seconds(predictor, images, saved.split(","), options))
            ratio = network[-1].wall / command[-1].wall
            print(f"{saved}: round {number + 1}: ratio {ratio:.3f}", flush=True)
        rows[saved] = summary(len(prepared), network, command)
    return rows


def process_seconds(
    arguments: argparse.Namespace, images: Sequence[Path]
) -> dict[int, list[float]]:
    """Seconds of the whole command by its number of processes, which take turns."""
    seconds: dict[int, list[float]] = {number: [] for number in arguments.processes}
    for _ in range(arguments.rounds):
        for number, own in seconds.items():
            with tempfile.TemporaryDirectory() as folder:
                given = ["--out", folder, "--save", "overlay,coco", "--device", arguments.device]
                command = [sys.executable, "-m", "relook", "predict", "--model", arguments.model]
                threads = max(1, arguments.threads // number)
                started = time.perf_counter()
                subprocess.run(
                    [*command, *map(str, images), *given, "--devices", str(number)],
                    env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
                own.append(time.perf_counter() - started)
                print(f"{number} processes: {own[-1]:.1f} s", flush=True)
    return seconds


def process_table(count: int, seconds: dict[int, list[float]]) -> str:
    """Images a second of the whole command, and the ratio to the first number, as Markdown."""
    lines = ["| processes | images/s, whole command | over the first |", "| ---: | ---: | ---: |"]
    first = next(iter(seconds.values()))
    for number, own in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(first, own, strict=True))
        lines.append(f"| {number} | {count / statistics.median(own):.2f} | {ratio:.2f} |")
    return "\n".join(lines)


def main(given: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it with the machine as json where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, default=Path("datasets/nuclei/images"))
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--limit", type=int, default=40, help="images")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, nargs=2, metavar=("LONG", "SHORT"))
    parser.add_argument("--save", nargs="+", default=["overlay,coco", "overlay,coco,masks"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, nargs="+", help="whole commands only")
    parser.add_argument("--out", type=Path, help="a json file")
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    rows: dict[Any, Any]
    if arguments.processes:
        images = find_sources([str(arguments.images)]).files[: arguments.limit]
        rows = process_seconds(arguments, images)
        print(process_table(len(images), rows))
    else:
        rows = measure(arguments)
        print(table(rows))
    if arguments.out is not None:
        machine = {**environment(), "threads": arguments.threads}
        write_text(arguments.out, json.dumps({"rows": rows, "machine": machine}, indent=1) + "\n")


if __name__ == "__main__":
    main()
