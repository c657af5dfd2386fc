"""Peak memory of predicting one image, beside what MMDetection needed.

`python -m benchmarks.memory` makes a file of random weights for each preset. A process for each
number loads it, predicts a made-up image twice, and tells its resident memory after the imports,
before the first image, and at the end, and the largest (VmHWM; needs Linux). ``--against COMMIT``
does the same with the source of another commit. Medians of ``--repetitions`` processes, since where
blocks happen to lie in memory changes the peak by some per cent.

The peaks of MMDetection 3.3 (torch 2.1.2) were measured on another machine, with one image of
1333x800 pixels: `PEERS`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch
from benchmarks.ending import errors_in_words
from benchmarks.speed.coordinator import extract
from benchmarks.speed.report import git, instruction_sets, processor

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.models.build import build_detector
from relook.runtime.files import write_text
from relook.weights.file import save_model

ROOT = Path(__file__).resolve().parents[1]
PEERS: Final = {"detectors-htc-r50": 1993, "htc-r50": 1707, "cascade-r50": 1435}  # MB
SIZES: Final = ((800, 1344), (2000, 2000))
MOST: Final = 0.9  # of the peer's peak
_COUNTS = ("imported", "before the first image", "peak", "after")

CHILD = """
import gc, json, sys

def resident(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) * 1024 / 1e6

import numpy as np
import torch
import relook
import relook.inference.predictor
torch.set_num_threads(1)
path, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
imported = resident("VmRSS:")
predictor = relook.load(path, device="cpu")
image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
before = resident("VmRSS:")
for _ in range(2):
    result = predictor.predict(image, size=(max(height, width), min(height, width)))
numbers = [imported, before, resident("VmHWM:"), resident("VmRSS:")]
print(json.dumps([len(result), *numbers]))
"""


def measure(path: Path, size: tuple[int, int], source: Path, repetitions: int) -> dict[str, Any]:
    """Medians in MB over fresh processes, and all peaks."""
    rows = []
    for _ in range(repetitions):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), *map(str, size)],
            env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    columns = list(zip(*rows, strict=True))
    medians = dict(zip(("objects", *_COUNTS), map(median, columns), strict=True))
    return {**medians, "peaks": list(columns[3])}


def make_file(name: str, folder: Path) -> Path:
    """A model file of random weights."""
    config, path = preset(name), folder / f"{name}.safetensors"
    torch.manual_seed(0)
    classes = [Category(i + 1, f"class {i + 1}") for i in range(config.num_classes)]
    save_model(path, build_detector(config).eval(), config, classes)
    return path


def table(rows: Sequence[dict[str, Any]], against: str | None) -> str:
    """Markdown."""
    before = f" | peak at {against}" if against else ""
    lines = [
        "| model | image | imported | before the first image | peak | after | MMDetection's peak "
        f"| ratio | target{before} |",
        "| --- | --- |" + " ---: |" * (8 if against else 7),
    ]
    for row in rows:
        peer = PEERS.get(row["model"]) if tuple(row["size"]) == SIZES[0] else None
        ratio = "" if peer is None else f"{row['peak'] / peer:.2f}"
        missed = peer is not None and row["peak"] > MOST * peer
        target = "" if peer is None else f"at most {MOST}" + (", missed" if missed else "")
        cells = [
            f"`{row['model']}`",
            "x".join(map(str, row["size"])),
            *(f"{row[name]:.0f} MB" for name in _COUNTS),
            "" if peer is None else f"{peer} MB",
            ratio,
            target,
            *([f"{row['then']['peak']:.0f} MB"] if against else []),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Measure, print the table and write the results; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(PEERS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--against", metavar="COMMIT", help="another commit, measured besides")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    options = parser.parse_args(given)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        then = extract(options.against, Path(folder) / "then") if options.against else None
        for name in options.models:
            path = make_file(name, Path(folder))
            for size in SIZES:
                row = {"model": name, "size": size}
                row |= measure(path, size, ROOT / "src", options.repetitions)
                if then is not None:
                    row["then"] = measure(path, size, then, options.repetitions)
                print(table([row], options.against), flush=True)
                rows.append(row)
            path.unlink()
    source = {
        "command": " ".join(["python -m benchmarks.memory", *given]),
        "commit": git("rev-parse", "--short", "HEAD"),
        "processor": processor(),
        "instruction sets": instruction_sets(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    write_text(options.out / "memory.json", json.dumps({**source, "rows": rows}, indent=1) + "\n")
    note = ", ".join(f"{name}: {value}" for name, value in source.items())
    write_text(options.out / "memory.md", f"{table(rows, options.against)}\n\n{note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
