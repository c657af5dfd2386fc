"""How long a large image takes in tiles, and how much memory: `relook predict` on a mosaic.

`python benchmarks/large_image.py --side 8000` writes a tiled TIFF of `--side` pixels, made of the
256 x 256 validation images of nuclei laid side by side and mirrored, and predicts it in a process
of its own, whose largest resident memory it prints with the time, as a row of Markdown.

`--stand-in` predicts with a detector that finds bright spots by thresholds, without a network, on a
mosaic of discs (`--objects` of them): what then takes memory and time is reading, pasting, merging
and writing, and not the network. The masks are made by relook from boxes and 28 x 28 probabilities
as those of any other detector. With `--network N` the model's network runs on N of the tiles too,
and what it finds is thrown away, so that the peak has its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "datasets" / "nuclei"
TILE = 256  # pixels: of the images of the mosaic, and of the tiles of the file
SPOT = 24  # pixels across a disc


def mosaic_parts(side: int, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Tiles of the mosaic of nuclei, row by row."""
    content: dict[str, Any] = json.loads((DATA / "annotations" / "instances_val.json").read_text())
    names = [
        image["file_name"]
        for image in content["images"]
        if (image["height"], image["width"]) == (TILE, TILE)
    ]
    images = [cv2.imread(str(DATA / "images" / name))[:, :, ::-1] for name in names]
    generator = np.random.default_rng(seed)
    for _ in range((-(-side // TILE)) ** 2):
        image = images[int(generator.integers(len(images)))]
        image = image[:: generator.choice([1, -1]), :: generator.choice([1, -1])]
        yield np.ascontiguousarray(image)


def disc_parts(side: int, objects: int) -> Iterator[NDArray[np.uint8]]:
    """Tiles with discs of `SPOT` pixels on a lattice of about `objects` places over the image."""
    step = side / max(1, round(objects**0.5))
    rows, columns = np.mgrid[:TILE, :TILE]
    for top in range(0, -(-side // TILE) * TILE, TILE):
        for left in range(0, -(-side // TILE) * TILE, TILE):
            y, x = (rows + top) % step - step / 2, (columns + left) % step - step / 2
            grey = np.where(y * y + x * x <= (SPOT / 2) ** 2, 220, 20).astype(np.uint8)
            yield np.repeat(grey[:, :, None], 3, axis=2)


def write_mosaic(path: Path, side: int, parts: Iterator[NDArray[np.uint8]]) -> None:
    """Write a tiled TIFF, tile after tile."""
    tifffile.imwrite(
        path,
        parts,
        shape=(side, side, 3),
        dtype=np.uint8,
        tile=(TILE, TILE),
        photometric="rgb",
        compression="zlib",
        bigtiff=True,
    )


class Spots(nn.Module):
    """Finds bright spots as a detector does: boxes, scores, and masks of 28 x 28 over each box.

    For the first `times` batches `network` runs too.
    """

    def __init__(self, network: Any = None, times: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.network, self.times = [network], times

    def detect(self, images: Any, **options: Any) -> list[Any]:
        """Detections of each image of a batch."""
        from relook.structures.detection import Detections

        if self.times > 0:
            self.times -= 1
            self.network[0].detect(images, **options)
        found = []
        for row, size, original in zip(
            images.pixels, images.sizes, images.original_sizes, strict=True
        ):
            bright = (row[0, : size[0], : size[1]] > 0).numpy().astype(np.uint8)
            bright = cv2.resize(bright, original[::-1], interpolation=cv2.INTER_NEAREST)
            _, numbers, stats, _ = cv2.connectedComponentsWithStats(bright)
            boxes, masks = [], []
            for number in range(1, len(stats)):
                x, y, w, h = (int(v) for v in stats[number, :4])
                mask = (numbers[y : y + h, x : x + w] == number).astype(np.float32)
                masks.append(torch.from_numpy(cv2.resize(mask, (28, 28))))
                boxes.append([x, y, x + w, y + h])
            count = len(boxes)
            found.append(
                Detections(
                    torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                    torch.full((count,), 0.9),
                    torch.zeros(count, dtype=torch.int64),
                    torch.stack(masks) if masks else torch.zeros(0, 28, 28),
                    original,
                )
            )
        return found


def predict_here(path: Path, out: Path, options: argparse.Namespace) -> None:
    """Predict in this process, and print what it took as json."""
    import relook
    from relook.inference.batch.run import predict_files
    from relook.inference.engine import Engine

    torch.set_num_threads(options.threads)
    model = relook.load(options.model, device="cpu")
    if options.stand_in:
        network = model.engine.detector.eval()
        spots: Any = Spots(network, options.network)
        model.engine = Engine(spots, model.config.input, fold=False)
    tiles = 0

    def on_tile(_: Any, done: int, total: int) -> None:
        nonlocal tiles
        tiles = total
        if done % 50 == 0:
            print(f"{done} of {total} tiles", file=sys.stderr, flush=True)

    started = time.perf_counter()
    report = predict_files(
        model, [path], out, save=options.save.split(","), tile="auto", on_tile=on_tile
    )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    print(
        json.dumps({"objects": report.objects, "tiles": tiles, "seconds": seconds, "peak_mb": peak})
    )


def _detector(options: argparse.Namespace) -> str:
    if not options.stand_in:
        return str(options.model)
    network = f"{options.model} on {options.network} tiles" if options.network else "no network"
    return f"bright spots, {network}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the mosaic, predict it in a child, and print a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=2000)
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", default="coco,overlay,masks")
    parser.add_argument("--stand-in", action="store_true")
    parser.add_argument("--network", type=int, default=0)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--here", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        predict_here(*options.here, options)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.tif"
        parts = (
            disc_parts(options.side, options.objects)
            if options.stand_in
            else mosaic_parts(options.side)
        )
        write_mosaic(path, options.side, parts)
        command = [sys.executable, __file__, *(arguments or sys.argv[1:])]
        command += ["--here", str(path), str(Path(folder) / "out")]
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        found = json.loads(child.stdout.splitlines()[-1])
        size = path.stat().st_size / 2**20
    print("| image | file | detector | tiles | objects | time | a tile | peak memory |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    print(
        f"| {options.side} x {options.side} | {size:.0f} MB | "
        f"{_detector(options)} | {found['tiles']} | "
        f"{found['objects']} | {found['seconds']:.0f} s | "
        f"{found['seconds'] / max(found['tiles'], 1):.2f} s | {found['peak_mb']:.0f} MB |"
    )
    print(f"{platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
