"""relook beside torchvision's Mask R-CNN: AP after equal minutes, equal images, time per image.

Run `python benchmarks/floor.py --side-by-side` in the root of the repository;
benchmarks/README.md says what is equal and what is not. Every training is a process of its own
and leaves its numbers in OUT/results.json: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from ending import errors_in_words
from yardstick import report, timing
from yardstick.running import Floor, hold_out, run_one
from yardstick.training import CONTENDERS, Contender, Job, load_relook, load_yardstick

from relook.data.coco.reader import read_coco
from relook.data.images import read_image
from relook.errors import DataError, RelookError, UsageError
from relook.runtime.files import write_text
from relook.training.run_folder import environment


def choose_rates(
    floor: Floor, bases: Mapping[Contender, Job], rates: Sequence[float], minutes: float
) -> tuple[dict[Contender, float], list[tuple[str, float, dict[str, Any]]]]:
    """The rate with the best held-out mask AP for each contender, and what was tried.

    One rate is taken as it is. Of equal ones, the lower wins.

    Raises:
        RelookError: R03 when all trainings of a contender diverged; what `Floor.run` raises.
    """
    if len(rates) == 1:
        return dict.fromkeys(CONTENDERS, rates[0]), []
    train_json = Path(bases["relook"].train_json)
    part, held = (str(path) for path in hold_out(train_json, floor.folder / "data"))
    jobs = {
        f"try {contender} {rate:g}": replace(
            bases[contender], rate=rate, minutes=minutes, train_json=part, score_json=held
        )
        for rate in rates
        for contender in CONTENDERS
    }
    numbers = floor.run(jobs)
    tries = [(job.contender, job.rate, numbers[name]) for name, job in jobs.items()]
    best = {}
    for contender in CONTENDERS:
        found = [(n["mask_ap"], -r) for c, r, n in tries if c == contender and "mask_ap" in n]
        if not found:
            raise RelookError("R03", f"{contender} diverged at all of {rates}; try lower --rates.")
        best[contender] = -max(found)[1]
    return best, sorted(tries, key=lambda one: (one[0], one[1]))


def train_in_full(
    floor: Floor, bases: Mapping[Contender, Job], best: Mapping[Contender, float]
) -> dict[str, dict[str, Any]]:
    """Numbers by name: relook, the yardstick for equal minutes, the yardstick for equal images.

    Raises:
        RelookError: R03 when one of them diverged; what `Floor.run` raises.
    """
    jobs = {f"full {c} {best[c]:g}": replace(bases[c], rate=best[c]) for c in CONTENDERS}
    numbers = _whole(floor.run(jobs))
    steps = next(iter(numbers.values()))["steps"]
    rate = best["torchvision"]
    name = f"full torchvision {rate:g} {steps} steps"
    equal = replace(bases["torchvision"], rate=rate, minutes=None, steps=steps)
    return numbers | _whole(floor.run({name: equal}))


def _whole(numbers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name, found in numbers.items():
        if "diverged" in found:
            raise RelookError("R03", f"{name}: {found['diverged']}")
    return numbers


def measure_times(
    floor: Floor, names: Sequence[str], job: Job, limit: int | None
) -> dict[str, dict[str, float]]:
    """`timing.summary` of the models called `names`, relook's first, and of "own paste"."""
    torch.set_num_threads(job.threads)
    relook, *others = names
    first = load_relook(floor.run_folder(relook))
    predictors = {relook: first}
    for name in others:
        predictors[name] = load_yardstick(floor.run_folder(name), first, stock=job.stock)
    max_dets = job.settings().train.max_dets
    runs = {name: timing.with_relook(one, max_dets) for name, one in predictors.items()}
    runs["own paste"] = timing.with_torchvision(predictors[others[0]])
    records = read_coco(job.score_json, job.images).images[:limit]
    print(f"timing: {len(records)} images", flush=True)
    return timing.summary(
        timing.interleaved(runs, [read_image(record.path) for record in records]), relook
    )


def compare(arguments: argparse.Namespace) -> str:
    """Train, measure, write OUT/results.json and OUT/table.md; the text of the latter."""
    floor = Floor(arguments.out, _lanes(arguments.threads) if arguments.side_by_side else None)
    bases = _bases(arguments)
    best, tries = choose_rates(floor, bases, arguments.rates, arguments.try_minutes)
    numbers = train_in_full(floor, bases, best)
    names = list(numbers)
    times = floor.results.get("times", {})
    if set(names) - set(times):
        times = measure_times(floor, names, bases["relook"], arguments.time_images)
    wide = ", stock widths" if arguments.stock_widths else ""
    titles = [
        f"relook {arguments.model}",
        f"torchvision Mask R-CNN R-18{wide}, equal minutes",
        f"torchvision Mask R-CNN R-18{wide}, equal images",
    ]
    rates = [best["relook"], best["torchvision"], best["torchvision"]]
    rows = [
        report.Row(title, numbers[name], rate, len(arguments.rates), times[name])
        for title, name, rate in zip(titles, names, rates, strict=True)
    ]
    where = {**environment(), "threads": arguments.threads}
    command = shlex.join(["python", "benchmarks/floor.py", *arguments.given])
    parts = [report.table(rows), "\n".join(report.verdict(rows, times["own paste"]))]
    if tries:
        parts += ["Rates, on a part of train held out:", report.tries_table(tries)]
    parts += report.edge_warnings(best, arguments.rates)
    parts += [f"`{command}`", f"On: {json.dumps(where)}"]
    text = "\n\n".join(parts) + "\n"
    floor.results |= {"times": times, "best": best, "command": command, "machine": where}
    floor.save()
    write_text(arguments.out / "table.md", text)
    return text


def _bases(arguments: argparse.Namespace) -> dict[Contender, Job]:
    """What the trainings of each contender have in common."""
    folder = arguments.data / "annotations"
    files = folder / "instances_train.json", folder / "instances_val.json"
    for path in files:
        if not path.is_file():
            raise DataError("D01", f"{path} is not there; give the folder of the data with --data.")
    return {
        contender: Job(
            contender=contender,
            preset=arguments.model,
            rate=arguments.rates[0],
            minutes=arguments.minutes,
            steps=None,
            train_json=str(files[0]),
            score_json=str(files[1]),
            images=str(arguments.data / "images"),
            seed=arguments.seed,
            threads=arguments.threads,
            workers=0 if arguments.side_by_side else "auto",
            stock=arguments.stock_widths and contender == "torchvision",
            changes=tuple(arguments.set),
        )
        for contender in CONTENDERS
    }


def _lanes(threads: int) -> list[set[int]]:
    """Cores of each contender, as many as it has threads."""
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError("U04", "--side-by-side needs a system that binds processes to cores.")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 * threads:
        raise UsageError(
            "U04",
            f"--side-by-side with {threads} threads each needs {2 * threads} cores; "
            f"{len(cores)} are at hand. Lower --threads or leave it out.",
        )
    return [set(cores[:threads]), set(cores[threads : 2 * threads])]


def parse(given: Sequence[str]) -> argparse.Namespace:
    """The options; `given` keeps them as they were typed."""
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(description=lines[0])
    add = parser.add_argument
    add("--data", type=Path, default=Path("datasets/nuclei"), help="folder of images, annotations")
    add("--model", default="detectors-htc-tiny", help="preset of relook")
    add("--minutes", type=float, default=8.0, help="of each full training")
    add("--rates", type=_rates, default=_rates("3e-4,1e-3,3e-3"), help="tried by both; one: taken")
    add("--try-minutes", type=float, default=2.5, help="of each try of a rate")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1, help="of each training, and of the timing")
    add("--side-by-side", action="store_true", help="both at a time, each on cores of its own")
    add("--stock-widths", action="store_true", help="pyramid and heads as wide as torchvision's")
    add("--time-images", type=int, metavar="N", help="time the first N images of val only")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `relook train`")
    add("--out", type=Path, default=Path("runs/floor"))
    add("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    arguments.given = list(given)
    return arguments


def _rates(text: str) -> list[float]:
    rates = sorted({float(rate) for rate in text.split(",")})
    if rates[0] <= 0:
        raise ValueError(text)
    return rates


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Run the comparison or, with --one, one training of it; the exit code."""
    arguments = parse(given)
    if arguments.one is not None:
        run_one(arguments.one)
    else:
        print(compare(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
