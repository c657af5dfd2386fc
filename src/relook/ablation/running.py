"""One job of an ablation: a row trained with one seed, and its last weights scored."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from ..config.plugins import allowing
from ..data.coco.reader import read_coco
from ..errors import DataError, RelookError
from ..evaluation.ground_truth import is_number
from ..evaluation.run import evaluate_model
from ..evaluation.statistics.bootstrap import Resampling
from ..evaluation.statistics.intervals import save_resampled
from ..inference.predictor import Predictor
from ..runtime.files import write_text
from ..runtime.json_files import read_json
from ..training.loop import train
from ..training.run_folder import RunFolder
from ..training.settings import Settings, read_overlay, resolve
from ..training.start.source import Start
from ..weights.file import load_model
from .dials import dial_groups
from .job import Job
from .jobs import Numbers, numbers, run_one
from .published import MEASURES

COMMAND = (sys.executable, "-m", "relook.ablation.running")
DIVERGED, RESAMPLED = "R03", "resampled.npz"


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of a training that has ended."""

    steps: int
    images: int
    minutes: float
    memory: int | None
    """Peak bytes: allocated on a GPU, else resident of the process. None where the system does not
    give them, or where the training had ended before this process began."""
    on: str  # cpu or the name of the GPU


def train_in(
    place: Path, settings: Settings, start: Start | None = None
) -> tuple[RunFolder, Trained]:
    """Train in ``place/run``: from the start, resumed, or not at all where it is done.

    Raises:
        RelookError: as `training.loop.train`.
    """
    run, done = RunFolder(place / "run"), place / "trained.json"
    if done.is_file():
        return run, read_json(done, Trained, f"Delete {place}, and the row is trained again.")
    before = run.last.stat().st_mtime_ns if run.last.is_file() else None
    with (place / "log.txt").open("a", encoding="utf-8") as log:
        console = Console(file=log, width=200)
        outcome = train(settings, console, out=run.path, start=start, go_on=True)
    stepped = run.last.stat().st_mtime_ns != before
    memory, on = _memory() if stepped else (None, device_name())
    trained = Trained(outcome.steps, outcome.images, outcome.seconds / 60, memory, on)
    write_text(done, json.dumps(asdict(trained), indent=2) + "\n")
    return run, trained


def run_job(job: Job, place: Path) -> Numbers:
    """Train in ``place/run`` without looking at the validation images, then score on them.

    The resamples for intervals are kept in ``place/resampled.npz``. The result of a training that
    diverged has no metrics, and has the reason.
    """
    write_text(place / "settings.yaml", job.settings)
    settings = resolve([read_overlay(place / "settings.yaml")])
    try:
        run, trained = train_in(place, settings.with_(data__val_json=None, data__val_images=None))
    except RelookError as error:
        if error.code != DIVERGED:
            raise
        return {"row": job.row, "seed": job.seed, "diverged": error.message}
    data = settings.data
    assert data.val_json is not None
    predictor = Predictor.of(load_model(run.best))
    folder = data.val_images or data.train_images
    read: Any = {"frame": data.frame, "reading": predictor.reading()}
    index = read_coco(data.val_json, folder, leniency=data.leniency, **read)
    groups = {group.name: group.images for group in dial_groups(data.val_json)}
    metrics = evaluate_model(
        predictor, index, max_dets=settings.train.max_dets, resampling=Resampling(groups=groups)
    ).metrics
    assert metrics.resampled is not None
    save_resampled(place / RESAMPLED, metrics.resampled)
    metrics_json = metrics.to_json()
    return {"row": job.row, "seed": job.seed, **asdict(trained), "metrics": metrics_json}


def _memory() -> tuple[int | None, str]:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated(), device_name()
    try:
        import resource
    except ImportError:  # Windows
        return None, device_name()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024), device_name()


def device_name() -> str:
    """Name of the device that models run on: cpu, or the name of the GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def checked_numbers(folder: Path, job: Job) -> Numbers:
    """The numbers of a job that is done, with all that a table needs of them.

    Raises:
        DataError: D03 when its file is damaged.
    """
    content = numbers(folder, job)
    if not _is_result(content):
        raise DataError(
            "D03",
            f"{folder / job.name / 'numbers.json'} is damaged: it has not the numbers of a row. "
            "Delete it, and the row is scored again with --resume.",
        )
    return content


def _is_result(content: Numbers) -> bool:
    if isinstance(content.get("diverged"), str):
        return True
    metrics = content.get("metrics")
    costs = [content.get(name) for name in ("steps", "images", "minutes", "memory")]
    return (
        isinstance(metrics, dict)
        and all(_are_scores(metrics.get(kind, "")) for kind in ("box", "mask"))
        and all(is_number(value) for value in costs[:3])
        and (costs[3] is None or is_number(costs[3]))
        and isinstance(content.get("on"), str)
    )


def _are_scores(scores: object) -> bool:
    if scores is None:
        return True
    return isinstance(scores, dict) and all(
        scores.get(measure) is None or is_number(scores[measure]) for measure in MEASURES
    )


def _run_allowed(job: Job, place: Path) -> Numbers:
    with allowing(job.allow):
        return run_job(job, place)


def main(arguments: Sequence[str]) -> int:
    """Run the job of the arguments ``FOLDER CORE`` of `jobs.run_all`; return the exit code."""
    try:
        run_one(Path(arguments[0]), arguments[1], Job, _run_allowed)
    except RelookError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
