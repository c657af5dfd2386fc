"""HTC, Fast DSC and DSC, trained from scratch for equal minutes on huddled objects, over seeds.

Run `python benchmarks/guided.py --side-by-side` in the root of the repository. It composes its
scenes (`relook data compose`) where they are missing. Nothing is chosen by the validation images,
which score the last weights once. Every training leaves its numbers in OUT/NAME/numbers.json: the
same command goes on where it was stopped. Times are measured at the end, one model after the other.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ending import errors_in_words
from jobs import add_options, chosen_cores, run_all
from table_file import write_table

from relook.ablation.jobs import Numbers, numbers, run_one
from relook.ablation.measuring import medians_in_turns
from relook.ablation.running import train_in
from relook.ablation.table import mean_and_range
from relook.analysis.complexity import multiply_adds
from relook.config.cascades import DSCConfig
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.data.batching import batch_images
from relook.data.coco.reader import read_coco
from relook.evaluation.crowding.rule import OVERLAPS, SHARES, HuddleRule
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.models.build import build_detector
from relook.models.folding import fold
from relook.training.recipe import UNLIMITED
from relook.training.settings import Overlay, resolve
from relook.weights.file import load_model

ARMS = ("htc-tiny", "fast-dsc-tiny", "dsc-tiny", "dsc-tiny-paper")
DATA = ("composed", "mushrooms")
SIDES = {"composed": (256, 256), "mushrooms": (512, 512)}  # (long, short) of the network input
MAX_DETS = {"composed": 100, "mushrooms": 500}
SOURCES = ("nuclei", "mushrooms")  # of the composed scenes, in datasets/
HTC = ARMS[0]


@dataclass(frozen=True, slots=True)
class Job:
    """One training."""

    arm: str
    data: str
    seed: int
    minutes: float
    folder: str  # of the data

    @property
    def name(self) -> str:
        """Unique among the jobs of one folder."""
        return f"{self.arm}-{self.data}-seed{self.seed}"


def config_of(arm: str, data: str) -> ModelConfig:
    """The model of one arm."""
    config = preset(arm.removesuffix("-paper")).with_(input__size=SIDES[data])
    if arm.endswith("-paper"):
        changed = DSCConfig.paper().model_dump(exclude_defaults=True)
        config = config.with_(cascade=changed)
    return config


def run_job(job: Job, place: Path) -> Numbers:
    """Train in ``place/run`` and score on the validation images."""
    data = Path(job.folder)
    annotations, images = data / "annotations", data / "images"
    settings = resolve(
        [
            Overlay(
                model=config_of(job.arm, job.data).model_dump(),
                train={
                    "minutes": job.minutes,
                    "epochs": UNLIMITED,
                    "seed": job.seed,
                    "workers": 0,
                    "max_dets": MAX_DETS[job.data],
                },
                data={"train_json": annotations / "instances_train.json", "train_images": images},
            )
        ],
        preset_name=job.arm.removesuffix("-paper"),
    )
    run, trained = train_in(place, settings)
    index = read_coco(annotations / "instances_val.json", images)
    predictor = Predictor.of(load_model(run.best))
    most = MAX_DETS[job.data]
    metrics = evaluate_model(predictor, index, max_dets=most, huddles=HuddleRule()).metrics
    assert metrics.mask is not None
    return {
        "box AP": metrics.box.ap,
        "mask AP": metrics.mask.ap,
        "mask AP50": metrics.mask.ap50,
        "huddles": metrics.to_json()["huddles"],
        "steps": trained.steps,
        "minutes": trained.minutes,
    }


def seconds_per_image(arms: Sequence[str], data: str, repetitions: int) -> dict[str, float]:
    """Median seconds of detecting in one image of noise, on one thread, in turns."""
    torch.manual_seed(0)
    width, height = SIDES[data]
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    normal = preset(HTC).input
    image = batch_images([noise], [(height, width)], normal.mean, normal.std)
    detectors = {arm: fold(build_detector(config_of(arm, data)).eval()) for arm in arms}
    with torch.inference_mode():
        return medians_in_turns(
            {arm: [partial(one.detect, image)] * repetitions for arm, one in detectors.items()}
        )


def table(jobs: Sequence[Job], folder: Path, times: dict[str, dict[str, float]]) -> str:
    """Mean, and smallest to largest over the seeds, for each data set and arm, as Markdown."""
    parts = []
    for data in dict.fromkeys(job.data for job in jobs):
        of_data = [job for job in jobs if job.data == data]
        lines = [
            "| | box AP | mask AP | mask AP50 | mask AP of huddled objects | steps | time |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for arm in dict.fromkeys(job.arm for job in of_data):
            found = [numbers(folder, job) for job in of_data if job.arm == arm]
            cells = [mean_and_range([n[m] for n in found]) for m in ("box AP", "mask AP")]
            cells += [mean_and_range([n["mask AP50"] for n in found])]
            cells += [mean_and_range([_huddled(n) for n in found])]
            steps = statistics.mean(n["steps"] for n in found)
            factor = times[data][arm] / times[data][HTC]
            lines.append(f"| {arm} | {' | '.join(cells)} | {steps:.0f} | {factor:.2f} |")
        parts += [f"**{data}**", "\n".join(lines)]
        parts += [_grid(of_data, arm, folder) for arm in ARMS[1:] if _has(of_data, arm)]
    return "\n\n".join(parts)


def _has(jobs: Sequence[Job], arm: str) -> bool:
    return {arm, HTC} <= {job.arm for job in jobs}


def _huddled(found: Numbers) -> float | None:
    """Mask AP of objects whose box overlaps another's by more than 0.2."""
    value: float | None = found["huddles"]["mask"]["ap_of_objects"][OVERLAPS.index(0.2)]
    return value


def _grid(jobs: Sequence[Job], arm: str, folder: Path) -> str:
    """AP of `arm` over HTC's, box / mask, in points, by T_O and T_P; mean over the seeds."""

    def cell(row: int, column: int) -> str:
        shown = []
        for kind in ("box", "mask"):
            pair = [
                [
                    numbers(folder, job)["huddles"][kind]["ap_of_images"][row][column]
                    for job in jobs
                    if job.arm == one
                ]
                for one in (arm, HTC)
            ]
            if any(value is None for values in pair for value in values):
                return "-"
            shown.append(f"{100 * (statistics.mean(pair[0]) - statistics.mean(pair[1])):+.1f}")
        return " / ".join(shown)

    images = numbers(folder, jobs[0])["huddles"]["images"]
    lines = [
        f"| {arm} over {HTC}: T_O \\ T_P | " + " | ".join(f"{p:.1f}" for p in SHARES) + " |",
        "| ---: |" + " ---: |" * len(SHARES),
    ]
    for row, overlap in enumerate(OVERLAPS):
        cells = [
            f"{cell(row, column)} ({images[row][column]})" if overlap >= 0 or not column else "-"
            for column in range(len(SHARES))
        ]
        lines.append(f"| {overlap:.1f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _jobs(arguments: argparse.Namespace, folders: dict[str, Path]) -> Iterator[Job]:
    for data in arguments.data:
        for seed in range(arguments.seeds):
            for arm in arguments.arms:
                yield Job(arm, data, seed, arguments.minutes, str(folders[data]))


def compose(place: Path) -> None:
    """Make the scenes in `place` unless they are there."""
    if not (place / "annotations").is_dir():
        command = [sys.executable, "-m", "relook", "data", "compose", str(place), "--one-class"]
        command += ["--images", "300", "--val", "120", "--seed", "0", "--objects", "12:30"]
        for option, part in (("--from", "train"), ("--val-from", "val")):
            for name in SOURCES:
                folder = Path("datasets") / name
                annotations = folder / "annotations" / f"instances_{part}.json"
                command += [option, f"{annotations}:{folder / 'images'}"]
        subprocess.run(command, check=True)


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Run the comparison or, with --one, one training of it; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    add("--data", nargs="+", choices=DATA, default=list(DATA))
    add("--mushrooms", type=Path, default=Path("datasets/mushrooms"))
    add("--seeds", type=int, default=2)
    add("--minutes", type=float, default=5.0, help="of each training")
    add("--repetitions", type=int, default=5, help="of the measurement of time")
    add_options(parser, Path("runs/guided"))
    arguments = parser.parse_args(given)
    if arguments.one is not None:
        run_one(Path(arguments.one[0]), arguments.one[1], Job, run_job)
        return 0
    folders = {"composed": arguments.out / "scenes", "mushrooms": arguments.mushrooms}
    if "composed" in arguments.data:
        compose(folders["composed"])
    jobs = list(_jobs(arguments, folders))
    run_all(jobs, arguments.out, chosen_cores(arguments), Path(__file__), _told)
    arms = list(arguments.arms)
    times = {d: seconds_per_image(arms, d, arguments.repetitions) for d in arguments.data}
    _report(arguments.out, jobs, times, given)
    return 0


def _told(found: Numbers) -> str:
    return f"{found['mask AP']:.3f}, {found['steps']} steps"


def _report(
    out: Path, jobs: Sequence[Job], times: dict[str, dict[str, float]], given: Sequence[str]
) -> None:
    work: dict[str, Any] = {
        data: {arm: sum(multiply_adds(config_of(arm, data), *SIDES[data]).values()) for arm in arms}
        for data, arms in times.items()
    }
    seconds = "; ".join(
        f"{data}: "
        + ", ".join(
            f"{arm} {value:.2f} s, {work[data][arm] / 1e9:.1f} G multiply-adds"
            for arm, value in arms.items()
        )
        for data, arms in times.items()
    )
    parts = [
        table(jobs, out, times),
        f"Time of one image on one thread, random weights: {seconds}.",
    ]
    write_table(out, parts, "guided.py", given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
