"""Time to read 8-bit PNG and JPEG files, beside bare decoding: ``python benchmarks/reading.py``.

The bare way is what any reader has to do: the bytes, the header by Pillow (which refuses pixel
bombs), `cv2.imdecode`, and red, green and blue in their order. All ways take turns in one run. With
``--module FILE`` the `read_image` of another file takes part too, such as that of an older relook.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from relook.data.images import read_image

ROOT = Path(__file__).resolve().parents[1]
SIZES = ((96, 96), (512, 512), (1024, 1536))
KINDS = ("png", "jpg")


def bare(path: Path) -> None:
    """Decode an image file, and nothing else."""
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def main() -> None:
    """Print a table: milliseconds of each way, and their ratio to bare decoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--module", type=Path, help="a file with another read_image")
    options = parser.parse_args()
    ways: dict[str, Callable[[Path], object]] = {"bare": bare, "relook": read_image}
    if options.module is not None:
        spec = importlib.util.spec_from_file_location("other", options.module)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        ways["other"] = module.read_image
    photograph = next(iter(sorted((ROOT / "datasets/coco_mini/images").rglob("*.jpg"))))
    with tempfile.TemporaryDirectory() as folder:
        for height, width in SIZES:
            for kind in KINDS:
                path = Path(folder) / f"a.{kind}"
                Image.open(photograph).convert("RGB").resize((width, height)).save(path)
                seconds = {name: measured(way, path, 0) for name, way in ways.items()}
                for turn in range(options.turns):
                    for name, way in list(ways.items())[:: 1 if turn % 2 else -1]:
                        seconds[name] += measured(way, path, 1)
                medians = {name: statistics.median(found) for name, found in seconds.items()}
                row = "  ".join(
                    f"{name} {value * 1e3:.2f} ms ({value / medians['bare']:.3f})"
                    for name, value in medians.items()
                )
                print(f"{kind} {width} x {height}: {row}")


def measured(way: Callable[[Path], object], path: Path, times: int) -> list[float]:
    """Seconds of each of `times` calls; none for a call that only warms up."""
    found = []
    for _ in range(max(times, 1)):
        started = time.perf_counter()
        way(path)
        found.append(time.perf_counter() - started)
    return found[:times]


if __name__ == "__main__":
    main()
