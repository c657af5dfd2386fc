"""Time of a command before anything happens: ``python -m benchmarks.start_up``.

Each round runs every case once, each in a process of its own, in another order. A time is the
processor's seconds of the whole process, by one thread, which other programs on the machine change
less than those of a clock; its ratio is to ``import torch`` in the same round. With ``--before
TREE`` the same is run with the sources of another tree.

`results/start-up.json` has every repetition, `results/start-up.md` the table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from PIL import Image

from relook.runtime.files import write_text
from relook.training.run_folder import environment

from .speed.report import git, processor

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
PHOTOGRAPH: Final = next(iter(sorted((ROOT / "datasets/coco_mini/images").rglob("*.jpg"))))

MOST: Final = 0.5  # s on a quiet machine, of what needs no network
RATIO: Final = 1.5  # at most, of the first prediction to the import of PyTorch and the network
TORCH: Final = "import torch"

_DATA: Final = ("--images", ".")
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "relook --help": ("--help",),
    "relook predict --help": ("predict", "--help"),
    "relook models": ("models",),
    "relook show htc-tiny": ("show", "htc-tiny"),
    "relook show nuclei": ("show", "nuclei"),
    "relook data check, one image": ("data", "check", "small.json", *_DATA),
    "relook data stats, one image": ("data", "stats", "small.json", *_DATA),
    "an option that is not known": ("predict", "a.png", "--scor", "0.3"),
    "show of no model": ("show", "no-model"),
    "predict, no such image": ("predict", "no.png", "-m", "nuclei"),
    "predict, no such model": ("predict", "a.png", "-m", "no-model"),
    "train DATA, no such folder": ("train", "no-folder"),
    "train, no such json": ("train", "-m", "htc-tiny", "--train-json", "no.json", *_DATA),
    "train, json that is cut off": ("train", "-m", "htc-tiny", "--train-json", "cut.json", *_DATA),
    "train --weights, no such model": ("train", "--weights", "no-model", "no-folder"),
    "train --resume, no such run": ("train", "--resume", "no-run"),
    "eval, no such json": ("eval", "nuclei", "--json", "no.json", *_DATA),
    "export, no such model": ("export", "no.safetensors"),
    "compare, no such model": ("compare", "no-model", "nuclei", "a.png"),
}
"""What is done or refused without a network."""

IN_BOTH: Final = frozenset(
    {
        "relook --help",
        "relook models",
        "relook show htc-tiny",
        "relook data check, one image",
        "predict, no such model",
        "train, no such json",
        "eval, no such json",
    }
)
"""What is measured in another tree as well."""

FIRST: Final = """
import json, sys, time
laps, before = {}, time.process_time()
def lap(name):
    global before
    now = time.process_time()
    laps[name], before = now - before, now
import torch
lap("import torch")
import relook
load = relook.load
lap("import relook")
model = load("nuclei")
lap("load")
model.predict("a.png")
lap("first")
model.predict("a.png")
lap("second")
print(json.dumps(laps))
"""
"""Program whose output is the seconds of the parts of a first prediction."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Repetitions of a case: seconds of the processor, ratios to `TORCH`, seconds of a clock."""

    cpu: list[float]
    ratio: list[float]
    wall: list[float]

    def to_json(self) -> dict[str, list[float]]:
        """The repetitions as json values."""
        columns = {"cpu": self.cpu, "ratio": self.ratio, "wall": self.wall}
        return {name: [round(value, 4) for value in column] for name, column in columns.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, metavar="TREE", help="another tree to compare with")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    trees = {"now": ROOT}
    if options.before is not None:
        trees["before"] = options.before.resolve()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        measured, parts = rounds(cases(trees), Path(folder), trees, options.rounds)
    content = {
        "command": f"python -m benchmarks.start_up --rounds {options.rounds}"
        + ("" if options.before is None else " --before TREE"),
        "commit": git("rev-parse", "--short", "HEAD"),
        "processor": processor(),
        "load": list(os.getloadavg()),
        **environment(),
        "rounds": options.rounds,
        "cases": {name: case.to_json() for name, case in measured.items()},
        "first prediction": parts,
    }
    text = table(content)
    print(text)
    write_text(options.out / "start-up.json", json.dumps(content, indent=1) + "\n")
    write_text(options.out / "start-up.md", text + "\n")


def prepare(folder: Path) -> None:
    """Write an image, its annotations, and annotations that are cut off."""
    with Image.open(PHOTOGRAPH) as photograph:
        photograph.convert("RGB").resize((640, 480)).save(folder / "a.png")
    outline = [50, 50, 250, 50, 250, 300, 50, 300]
    record = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 50_000}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
        "annotations": [{**record, "bbox": [50, 50, 200, 250], "segmentation": [outline]}],
        "categories": [{"id": 1, "name": "nut"}],
    }
    (folder / "small.json").write_text(json.dumps(content))
    (folder / "cut.json").write_text('{"images": [')


def cases(trees: Mapping[str, Path]) -> dict[str, tuple[list[str], Path]]:
    """Name of each case -> command line and tree; those of another tree end with its name."""
    found = {TORCH: ([sys.executable, "-c", TORCH], ROOT)}
    for tree, root in trees.items():
        end = "" if tree == "now" else f" | {tree}"
        found[f"import relook{end}"] = ([sys.executable, "-c", "import relook"], root)
        for name, arguments in COMMANDS.items():
            if end and name not in IN_BOTH:
                continue
            found[f"{name}{end}"] = ([sys.executable, "-m", "relook", *arguments], root)
    return found


def rounds(
    commands: Mapping[str, tuple[list[str], Path]],
    folder: Path,
    trees: Mapping[str, Path],
    number: int,
    run: Callable[..., tuple[float, float, str]] | None = None,
) -> tuple[dict[str, Measured], dict[str, list[dict[str, float]]]]:
    """Repetitions of all cases, and the parts of a first prediction of each tree."""
    run = run or timed
    measured = {name: Measured([], [], []) for name in commands}
    parts: dict[str, list[dict[str, float]]] = {tree: [] for tree in trees}
    for root in trees.values():  # files are then in the page cache, and compiled
        run([sys.executable, "-c", FIRST], root, folder)
        run([sys.executable, "-m", "relook", "train", "no-folder"], root, folder)
    for repetition in range(number):
        seconds = {}
        order = list(commands.items())[:: 1 if repetition % 2 else -1]
        for name, (command, root) in order:
            seconds[name] = run(command, root, folder)
        laps = {}
        for tree, root in trees.items():
            laps[tree] = json.loads(run([sys.executable, "-c", FIRST], root, folder)[2])
        for name, (cpu, wall, _) in seconds.items():
            measured[name].cpu.append(cpu)
            measured[name].wall.append(wall)
            measured[name].ratio.append(cpu / seconds[TORCH][0])
        for tree, found in laps.items():
            parts[tree].append(found)
    return measured, parts


def timed(command: Sequence[str], root: Path, folder: Path) -> tuple[float, float, str]:
    """Seconds of the processor and of a clock, and the output of a command."""
    variables = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if "Traceback" in result.stderr:
        raise SystemExit(f"{shlex.join(command)}: {result.stderr}")
    return cpu, wall, result.stdout


def table(content: Mapping[str, Any]) -> str:
    """The medians as Markdown."""
    found, first = content["cases"], content["first prediction"]
    other = next((tree for tree in first if tree != "now"), None)
    lines = [
        f"Seconds of the processor, medians, rounds: {content['rounds']}, and their ratio to "
        f"`import torch` in the same round ({median(found[TORCH]['cpu']):.2f} s): "
        f"`{content['command']}` at {content['commit']}, one thread, {content['processor']}, "
        f"PyTorch {content['packages']['torch']}, Python {content['python']}; load of the machine "
        f"{content['load'][0]:.1f}. The aim is {MOST} s on a quiet machine.",
        "",
        f"| what | s | ratio |{' before, s | ratio |' if other else ''} s at most |",
        f"| --- | ---: | ---: |{' ---: | ---: |' if other else ''} ---: |",
    ]
    for name in ("import relook", *COMMANDS):
        before = "" if other is None else f" {_pair(found.get(f'{name} | {other}'))} |"
        missed = median(found[name]["cpu"]) > MOST
        lines.append(
            f"| {name} | {_pair(found[name])} |{before} {MOST}{', missed' if missed else ''} |"
        )
    lines += ["", *_first(first, other)]
    return "\n".join(lines)


def _pair(case: Mapping[str, list[float]] | None) -> str:
    if case is None:
        return "- | -"
    return f"{median(case['cpu']):.2f} | {median(case['ratio']):.2f}"


def _first(first: Mapping[str, list[dict[str, float]]], other: str | None) -> list[str]:
    """The table of the parts of a first prediction."""
    trees = ["now"] if other is None else ["now", other]
    lines = [
        f"| first prediction of one image by `nuclei`, s | {' | '.join(trees)} |",
        f"| --- |{' ---: |' * len(trees)}",
    ]
    for part in ("import torch", "import relook", "load", "first", "second"):
        values = [f"{median(lap[part] for lap in first[tree]):.2f}" for tree in trees]
        lines.append(f"| {part} | {' | '.join(values)} |")
    ratios = []
    for tree in trees:
        each = [
            (sum(lap.values()) - lap["second"]) / (lap["import torch"] + lap["second"])
            for lap in first[tree]
        ]
        missed = " (missed)" if tree == "now" and median(each) > RATIO else ""
        ratios.append(f"{median(each):.2f}{missed}")
    lines.append(
        f"| all until the first result, over `import torch` and the second prediction; at most "
        f"{RATIO} | {' | '.join(ratios)} |"
    )
    return lines


if __name__ == "__main__":
    main()
