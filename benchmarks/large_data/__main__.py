"""Reading and evaluation of a data set of COCO's size, beside other libraries.

``python -m benchmarks.large_data`` makes the files in a temporary folder, runs every way in a
process of its own, in turns, and writes `benchmarks/results/large-data.json`. Another Python can
take part with ``--faster-coco-eval PYTHON``, one that has that package.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from relook.runtime.json_files import write_json
from relook.training.run_folder import environment

from .detections import write_detections
from .made import IMAGES, OBJECTS, write_annotations

ROOT = Path(__file__).resolve().parents[2]
TASKS = {"reading": ["relook", "pycocotools"], "evaluation": ["relook", "hotcoco", "pycocotools"]}
EVALUATED = 5000, 36_781  # images and objects, as of COCO val2017


def measured(python: str, task: str, library: str, files: list[Path]) -> dict[str, Any]:
    """Numbers of one way, from its process."""
    command = [python, "-m", "benchmarks.large_data.ways", task, library, *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{task} {library}: {row['cpu_s']:.1f} s, {row['peak_mb']:.0f} MB", flush=True)
    return row


def table(results: dict[str, Any]) -> str:
    """The medians as Markdown."""
    lines = [
        "| task | way | CPU time, s | wall clock, s | memory at most, MB | of that before, MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for task, ways in results.items():
        for name, rows in ways.items():
            keys = ("cpu_s", "wall_s", "peak_mb", "before_mb")
            values = [statistics.median(row[key] for row in rows) for key in keys]
            cells = [f"{value:.{1 if n < 2 else 0}f}" for n, value in enumerate(values)]
            lines.append(f"| {task} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and write all numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the images and objects")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=list(TASKS))
    parser.add_argument("--without", nargs="*", default=[], help="ways that are left out")
    parser.add_argument("--faster-coco-eval", metavar="PYTHON")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/large-data.json")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS if options.only is None else [options.only]:
            images, objects = (IMAGES, OBJECTS) if task == "reading" else EVALUATED
            sizes = int(images * options.share), int(objects * options.share)
            files = [write_annotations(Path(folder) / f"{task}.json", *sizes)]
            if task == "evaluation":
                files.append(write_detections(Path(folder) / "detections.json", files[0]))
            names = [name for name in TASKS[task] if name not in options.without]
            ways = dict.fromkeys(names, sys.executable)
            if task == "evaluation" and options.faster_coco_eval:
                ways["faster-coco-eval"] = options.faster_coco_eval
            rows: dict[str, list[Any]] = {name: [] for name in ways}
            for turn in range(options.turns):
                for name in list(ways)[:: 1 if turn % 2 else -1]:
                    rows[name].append(measured(ways[name], task, name, files))
                    write(options.out, task, rows, options.share)
            results[task] = rows
    print(table(results))


def write(path: Path, task: str, rows: dict[str, list[Any]], share: float) -> None:
    """Put the numbers of a task in the place of those that the file had of it."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    before = json.loads(path.read_bytes()) if path.exists() else {}
    state = {"machine": environment(), "share": share, "load": load, "ways": rows}
    write_json(path, before | {task: state})


if __name__ == "__main__":
    main()
