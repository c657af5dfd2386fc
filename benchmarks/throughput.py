"""Images a second of `relook predict` on a folder, over those of the network alone.

Run `python benchmarks/throughput.py --threads 2` in the root of the repository. Both sides see the
same images in the same process and take turns: what the command does (read, resize, network,
paste, code, draw, write) and the network alone on batches that were prepared before. One is best;
what is missing to it is time in which the network waits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from relook import load
from relook.data.sources.finding import find_sources
from relook.inference.batch.run import predict_files
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Prepared, read
from relook.runtime.files import write_text
from relook.training.run_folder import environment


def network_seconds(
    predictor: Predictor, batches: Sequence[list[Prepared]], options: PredictOptions
) -> float:
    """Seconds for the network on `batches` that are in memory, to detections."""
    options = predictor.resolved(options)
    started = time.perf_counter()
    for batch in batches:
        predictor.engine.run_prepared(batch, options)
    return time.perf_counter() - started


def command_seconds(
    predictor: Predictor, images: list[Path], kinds: Sequence[str], options: PredictOptions
) -> float:
    """Seconds for what `relook predict` does once the model is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        return predict_files(predictor, images, folder, options, save=kinds).seconds


def summary(count: int, network: Sequence[float], command: Sequence[float]) -> dict[str, Any]:
    """Images a second of both, and their ratio: medians and quartiles over the rounds."""
    ratios = [n / c for n, c in zip(network, command, strict=True)]
    return {
        "images": count,
        "rounds": len(ratios),
        "network_images_per_second": count / statistics.median(network),
        "command_images_per_second": count / statistics.median(command),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "network_seconds": list(network),
        "command_seconds": list(command),
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The numbers by what is saved, as Markdown."""
    lines = [
        "| saved | network, images/s | `relook predict`, images/s | ratio (lowest to highest) |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        rates = [row[f"{side}_images_per_second"] for side in ("network", "command")]
        shown = " | ".join(f"{rate:.2f}" for rate in rates)
        low, high = min(row["ratios"]), max(row["ratios"])
        lines.append(f"| {name} | {shown} | {row['ratio']:.3f} ({low:.3f} to {high:.3f}) |")
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
            ratio = network[-1] / command[-1]
            print(f"{saved}: round {number + 1}: ratio {ratio:.3f}", flush=True)
        rows[saved] = summary(len(prepared), network, command)
    return rows


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
    parser.add_argument("--out", type=Path, help="a json file")
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    rows = measure(arguments)
    print(table(rows))
    if arguments.out is not None:
        machine = {**environment(), "threads": arguments.threads}
        write_text(arguments.out, json.dumps({"rows": rows, "machine": machine}, indent=1) + "\n")


if __name__ == "__main__":
    main()
