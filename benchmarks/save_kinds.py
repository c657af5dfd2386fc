"""How long each kind of ``--save`` takes for one large image, and how much memory.

`python benchmarks/save_kinds.py --objects 100000` makes a result of that many discs on an image of
20,000 x 20,000 pixels and writes it as each kind, each in a process of its own, whose largest
resident memory it prints with the seconds, as rows of Markdown. The row ``nothing`` is a process
that only makes the result: memory of the kinds is to be compared with it.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relook.data.coco.reader import Category
from relook.inference.batch.coco_json import image_record
from relook.inference.batch.common_files import RECORDED, write_common
from relook.inference.batch.writer import Writer
from relook.inference.results import Result
from relook.inference.writers.kinds import KINDS
from relook.ops.rle import encode_window

WITHOUT = {"overlay", "panoptic", "parquet", "crops", "film", "tracks"}
"""Kinds that need an image, a panoptic map, another package or a film."""
RADII = (4, 9)  # pixels of the discs


def discs(objects: int, side: int) -> Result:
    """A result with `objects` discs of several sizes on a lattice."""
    generator = np.random.default_rng(0)
    rows = int(np.ceil(objects**0.5))
    step = side / rows
    if step < 2 * RADII[1] + 3:
        raise SystemExit(f"{objects} objects do not fit on {side} pixels")
    masks, boxes = [], []
    for number in range(objects):
        radius = int(generator.integers(*RADII, endpoint=True))
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        window = y**2 + x**2 <= radius**2
        top, left = (int(place * step) for place in divmod(number, rows))
        masks.append(encode_window(window, left, top, (side, side)))
        boxes.append([left, top, left + 2 * radius + 1, top + 2 * radius + 1])
    return Result(
        boxes=np.array(boxes, np.float32),
        scores=np.linspace(1, 0.3, objects, dtype=np.float32),
        labels=np.arange(objects) % 2,
        masks=tuple(masks),
        size=(side, side),
        classes=(Category(1, "cell"), Category(2, "other")),
        overview=np.zeros((100, 100, 3), np.uint8),
        source="mosaic.tif",
    )


def measure(kind: str, objects: int, side: int) -> dict[str, Any]:
    """Seconds and MB of this process for writing one kind."""
    result = discs(objects, side)
    started = time.perf_counter()
    size = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind != "nothing":
            record = Writer(folder, [kind]).write(result, "mosaic")
            if kind in RECORDED:
                record |= image_record(result)
            write_common(folder, [kind], lambda: [record], result.classes)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    return {"seconds": seconds, "peak": peak, "bytes": size}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each kind; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.kind:
        print(json.dumps(measure(options.kind, options.objects, options.side)))
        return 0
    print(
        f"{options.objects:,} objects, {options.side} x {options.side} pixels; "
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}\n"
    )
    print("| kind | seconds | peak memory, MB | file, MB |\n| --- | ---: | ---: | ---: |")
    for kind in ("nothing", *(kind for kind in KINDS if kind not in WITHOUT)):
        command = [sys.executable, __file__, "--kind", kind]
        command += ["--objects", str(options.objects), "--side", str(options.side)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"| `{kind}` | {row['seconds']:.1f} | {row['peak']:,.0f} | {row['bytes'] / 1e6:.1f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
