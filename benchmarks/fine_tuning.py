"""Fine-tuning against training from scratch, for equal minutes, at few images, over seeds.

Run `python benchmarks/fine_tuning.py --side-by-side` in the root of the repository. Fine-tuning is
what `relook train --weights MODEL` does by default; from scratch is the preset's own recipe with
the input size and the caps that were chosen for the fine-tuned one. A seed draws the training
images, the same ones for both, and everything random in the training. Nothing is chosen by the
validation images, which score the last weights once. Every training leaves its numbers in
OUT/NAME/numbers.json: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from relook.api import find_model
from relook.atomic import write_text
from relook.data.coco import read_coco
from relook.demo.mushrooms import MAX_DETS, from_scratch
from relook.errors import RelookError
from relook.evaluation.run import evaluate_model
from relook.predictor import Predictor
from relook.training.fine_tuning import fine_tuning
from relook.training.loop import Start, train
from relook.training.run_folder import environment
from relook.training.settings import Overlay
from relook.weights import load_model

ARMS = ("fine-tuned", "from-scratch")
MEASURES = ("mask AP", "AP50", "F1", "count error")


@dataclass(frozen=True, slots=True)
class Job:
    """One training."""

    arm: str
    images: int
    seed: int
    minutes: float
    model: str
    data: str

    @property
    def name(self) -> str:
        """Unique among the jobs of one folder."""
        return f"{self.arm}-{self.images}-seed{self.seed}"


def run_job(job: Job, place: Path) -> dict[str, Any]:
    """Train in ``place/run`` and score on the validation images."""
    data = Path(job.data)
    part = place / "train.json"
    write_text(part, json.dumps(draw(data / "annotations/instances_train.json", job)))
    given = Overlay(
        train={"minutes": job.minutes, "seed": job.seed, "workers": 0},
        data={"train_json": part, "train_images": data / "images"},
    )
    path = find_model(job.model)
    saved = load_model(path)
    tuned = fine_tuning(saved, [given], name=str(saved.extra["preset"]))
    settings, start = tuned.settings, Start(saved, path, tuned.lines)
    if job.arm == "from-scratch":
        settings, start = from_scratch(tuned.settings, [given]), None
    with (place / "log.txt").open("w", encoding="utf-8") as log:
        outcome = train(settings, Console(file=log, width=200), out=place / "run", start=start)
    index = read_coco(data / "annotations/instances_val.json", data / "images")
    predictor = Predictor.of(load_model(outcome.run.best))
    found = evaluate_model(predictor, index, max_dets=MAX_DETS)
    mask, counting = found.metrics.mask, found.metrics.best_counting
    assert mask is not None
    steps = [row["step"] for row in outcome.run.rows()]
    return {
        "mask AP": mask.ap,
        "AP50": mask.ap50,
        "F1": counting.f1 if counting else None,
        "count error": counting.count_error if counting else None,
        "steps": max(steps, default=0),  # of the last record
        "minutes": outcome.seconds / 60,
        "images/s": found.images_per_second,
    }


def draw(path: Path, job: Job) -> dict[str, Any]:
    """The annotations of `job.images` images drawn from those of `path` by the seed."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    images = sorted(content["images"], key=lambda image: image["id"])
    chosen = random.Random(job.seed).sample(images, min(job.images, len(images)))
    ids = {image["id"] for image in chosen}
    kept = [one for one in content["annotations"] if one["image_id"] in ids]
    return {**content, "images": chosen, "annotations": kept}


def run_all(jobs: Sequence[Job], folder: Path, cores: Sequence[int]) -> None:
    """Train what has no numbers yet, one training on each of `cores` at a time.

    Raises:
        RelookError: R01 when a training ended with an error.
    """
    missing = iter([job for job in jobs if not (folder / job.name / "numbers.json").is_file()])
    lanes: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
    try:
        while True:
            for core in set(cores) - set(lanes):
                job = next(missing, None)
                if job is not None:
                    lanes[core] = job, _start(job, folder, core)
            if not lanes:
                return
            for core, (job, process) in list(lanes.items()):
                try:
                    code = process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    continue
                del lanes[core]
                if code:
                    raise RelookError("R01", f"{job.name} failed; see {folder / job.name}.")
                numbers = _numbers(folder, job)
                print(f"{job.name}: {numbers['mask AP']:.3f}, {numbers['steps']} steps", flush=True)
    finally:
        for _, process in lanes.values():
            process.kill()
            process.wait()


def _start(job: Job, folder: Path, core: int) -> subprocess.Popen[bytes]:
    place = folder / job.name
    if (place / "run").exists():  # of a training that was stopped
        shutil.rmtree(place / "run")
    write_text(place / "job.json", json.dumps(asdict(job), indent=2) + "\n")
    command = [sys.executable, str(Path(__file__).resolve()), "--one", str(place), str(core)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def run_one(place: Path, core: int) -> None:
    """The training of ``place/job.json`` on one core; its numbers go to ``numbers.json``."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    job = Job(**json.loads((place / "job.json").read_text(encoding="utf-8")))
    write_text(place / "numbers.json", json.dumps(run_job(job, place), indent=2) + "\n")


def _numbers(folder: Path, job: Job) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / job.name / "numbers.json").read_text())
    return content


def table(jobs: Sequence[Job], folder: Path) -> str:
    """Mean, and smallest to largest over the seeds, of each measure, as Markdown."""
    lines = [
        "| images | start | " + " | ".join(MEASURES) + " | steps | seeds |",
        "| ---: | --- |" + " ---: |" * (len(MEASURES) + 2),
    ]
    for images, arm in dict.fromkeys((job.images, job.arm) for job in jobs):
        found = [_numbers(folder, j) for j in jobs if (j.images, j.arm) == (images, arm)]
        cells = [_spread([n[measure] for n in found], measure) for measure in MEASURES]
        steps = statistics.mean(n["steps"] for n in found)
        lines.append(
            f"| {images} | {arm} | " + " | ".join(cells) + f" | {steps:.0f} | {len(found)} |"
        )
    return "\n".join(lines)


def _spread(values: Sequence[float | None], measure: str) -> str:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "-"
    digits = 1 if measure == "count error" else 3
    mean, low, high = statistics.mean(known), min(known), max(known)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    for images in arguments.images:
        for arm in arguments.arms:
            for seed in range(arguments.seeds):
                yield Job(
                    arm, images, seed, arguments.minutes, arguments.model, str(arguments.data)
                )


def main(given: Sequence[str]) -> int:
    """Run the comparison or, with --one, one training of it; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--model", default="nuclei", help="what is fine-tuned: a shipped name, a run or a file")
    add("--data", type=Path, default=Path("datasets/mushrooms"))
    add("--images", type=int, nargs="+", default=[5, 10, 25], help="of training, drawn by seed")
    add("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    add("--seeds", type=int, default=3)
    add("--minutes", type=float, default=3.0, help="of each training")
    add("--side-by-side", action="store_true", help="one training on each core; else one at a time")
    add("--core", type=int, help="use this core only")
    add("--out", type=Path, default=Path("runs/fine-tuning"))
    add("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    try:
        if arguments.one is not None:
            run_one(Path(arguments.one[0]), int(arguments.one[1]))
            return 0
        cores = sorted(os.sched_getaffinity(0))
        if arguments.core is not None or not arguments.side_by_side:
            cores = [cores[-1] if arguments.core is None else arguments.core]
        jobs = list(_jobs(arguments))
        run_all(jobs, arguments.out, cores)
        text = "\n\n".join(
            [
                table(jobs, arguments.out),
                f"`{shlex.join(['python', 'benchmarks/fine_tuning.py', *given])}`",
                f"On: {json.dumps({**environment(), 'threads': 1})}",
            ]
        )
        write_text(arguments.out / "table.md", text + "\n")
        print(text)
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
