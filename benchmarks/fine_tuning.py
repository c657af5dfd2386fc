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
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jobs as jobs_module
from ending import errors_in_words
from jobs import add_options, chosen_cores
from table_file import write_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # makes `examples` importable

from examples.demo.mushrooms import MAX_DETS, from_scratch

from relook.ablation.jobs import Numbers, numbers, run_one
from relook.ablation.running import train_in
from relook.ablation.table import mean_and_range
from relook.data.coco.reader import read_coco
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.model_files import find_model
from relook.runtime.files import write_text
from relook.training.fine_tuning import fine_tuning
from relook.training.settings import Overlay
from relook.training.start.source import Start
from relook.weights.file import load_model

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
    run, trained = train_in(place, settings, start)
    index = read_coco(data / "annotations/instances_val.json", data / "images")
    predictor = Predictor.of(load_model(run.best))
    found = evaluate_model(predictor, index, max_dets=MAX_DETS)
    mask, counting = found.metrics.mask, found.metrics.best_counting
    assert mask is not None
    return {
        "mask AP": mask.ap,
        "AP50": mask.ap50,
        "F1": counting.f1 if counting else None,
        "count error": counting.count_error if counting else None,
        "steps": trained.steps,
        "minutes": trained.minutes,
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
        RelookError: R05 when a training ended with an error.
    """

    def tell(found: Numbers) -> str:
        return f"{found['mask AP']:.3f}, {found['steps']} steps"

    jobs_module.run_all(jobs, folder, cores, Path(__file__), tell)


def table(jobs: Sequence[Job], folder: Path) -> str:
    """Mean, and smallest to largest over the seeds, of each measure, as Markdown."""
    lines = [
        "| images | start | " + " | ".join(MEASURES) + " | steps | seeds |",
        "| ---: | --- |" + " ---: |" * (len(MEASURES) + 2),
    ]
    for images, arm in dict.fromkeys((job.images, job.arm) for job in jobs):
        found = [numbers(folder, j) for j in jobs if (j.images, j.arm) == (images, arm)]
        cells = [
            mean_and_range([n[measure] for n in found], 1 if measure == "count error" else 3)
            for measure in MEASURES
        ]
        steps = statistics.mean(n["steps"] for n in found)
        lines.append(
            f"| {images} | {arm} | " + " | ".join(cells) + f" | {steps:.0f} | {len(found)} |"
        )
    return "\n".join(lines)


def _jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    for images in arguments.images:
        for arm in arguments.arms:
            for seed in range(arguments.seeds):
                yield Job(
                    arm, images, seed, arguments.minutes, arguments.model, str(arguments.data)
                )


@errors_in_words
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
    add_options(parser, Path("runs/fine-tuning"))
    arguments = parser.parse_args(given)
    if arguments.one is not None:
        run_one(Path(arguments.one[0]), arguments.one[1], Job, run_job)
        return 0
    jobs = list(_jobs(arguments))
    run_all(jobs, arguments.out, chosen_cores(arguments))
    parts = [table(jobs, arguments.out)]
    write_table(arguments.out, parts, "fine_tuning.py", given)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
