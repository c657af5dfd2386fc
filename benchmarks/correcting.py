"""The help of correcting: mask AP after 1, 2, 4 and 8 corrected images.

Run `python benchmarks/correcting.py` in the root of the repository. It plays a person in `relook
app` on the mushrooms, from the model `nuclei`: the truth is what the person draws. The images come
in one of three orders: by the share of objects in doubt, as the app suggests them (`suggested`), by
the number of objects in doubt (`doubtful`), both with the model as it is at that moment, or random.
After 1, 2, 4 and 8 images the model learns from all of them, from `nuclei` anew, as the app does it
(`relook.app.teaching`), and is scored on the validation images, which choose nothing. Scores do not
regard classes, as `nuclei` has no mushrooms. A seed draws the random order and everything random in
a training; the first image of the other two orders is the same for all seeds.

Each number is kept in OUT, so that the same command goes on where it was stopped. `--minutes` ends
it after the training in which they have passed; the table has what there is.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import torch
from ending import errors_in_words
from table_file import write_table

from relook.ablation.table import mean_and_range
from relook.app.session.looking import Mirrored, turned_back
from relook.app.session.suggestions import BY_NUMBER, BY_SHARE, Measure, doubt_of
from relook.app.teaching.lesson import Lesson, Scores, learn, measured, write_request
from relook.inference.predictor import Predictor
from relook.model_files import find_model
from relook.runtime.files import write_text
from relook.runtime.json_files import read_json
from relook.training.run_folder import RunFolder
from relook.weights.file import load_model

MEASURED_ORDERS: dict[str, Measure] = {"suggested": BY_SHARE, "doubtful": BY_NUMBER}
ORDERS = ("suggested", "random", "doubtful")
COUNTS = (1, 2, 4, 8)
MEASURES = ("mask_ap", "mask_ap50", "f1")
Content = dict[str, Any]  # of a COCO file


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings that are the same in all trainings."""

    data: Path
    model: str
    steps: int
    out: Path

    @property
    def train(self) -> Content:
        """The training images with their truth."""
        return _read(self.data / "annotations/instances_train.json")

    def predictor(self, run: Path | None = None) -> Predictor:
        """The model to start from, or that of a training."""
        path = find_model(self.model) if run is None else RunFolder(run).best
        return Predictor.of(load_model(path), device="cpu")


@cache
def _read(path: Path) -> Content:
    content: Content = json.loads(path.read_bytes())
    return content


def corrected(content: Content, ids: Sequence[int]) -> Content:
    """The annotations of the images with these ids, in their order: what the person has drawn."""
    by_id = {image["id"]: image for image in content["images"]}
    kept = [row for row in content["annotations"] if row["image_id"] in ids]
    return {**content, "images": [by_id[number] for number in ids], "annotations": kept}


def order_by(
    measure: Measure, predictor: Predictor, images: Path, rows: Sequence[Content]
) -> list[int]:
    """Ids of images, the largest measure of doubt first, the first of equal ones."""
    reading, threshold = predictor.reading(), predictor.shown_from
    measures = {}
    for row in rows:
        path = images / row["file_name"]
        result = predictor.predict(path, score=0.05)
        mirrored = turned_back(predictor.predict(Mirrored(path, reading).load(), score=0.05))
        measures[row["id"]] = measure(doubt_of(result, mirrored, threshold))
    return sorted(measures, key=lambda number: -measures[number])


def scores_of(setting: Setting, place: Path, predictor: Predictor) -> Scores:
    """Scores on the validation images; kept in `place`."""
    lesson = Lesson(
        model="",
        images=str((setting.data / "images").absolute()),
        train="",
        held_out=str((setting.data / "annotations/instances_val.json").absolute()),
        one_class=True,
    )
    scores = measured(predictor, lesson, place / "pictures", 0).scores
    write_text(place / "scores.json", json.dumps(scores) + "\n")
    return scores


def kept_scores(place: Path) -> Scores | None:
    """Scores that were measured before; None where there are none."""
    path = place / "scores.json"
    return read_json(path, Scores, "Delete it.") if path.is_file() else None


def next_images(setting: Setting, order: str, seed: int, done: list[int], number: int) -> list[int]:
    """The ids of `number` images: those that are `done`, and the next ones in this order."""
    rows = setting.train["images"]
    if order == "random":
        ids = sorted(row["id"] for row in rows)
        random.Random(seed).shuffle(ids)
        return ids[:number]
    run = None if not done else _place(setting, order, seed, len(done)) / "run"
    which = "" if order == "suggested" else f"{order}-"
    kept = setting.out / f"first-order-{which}{setting.model}.json"  # the same for all seeds
    if run is None and kept.is_file():
        return list(json.loads(kept.read_text()))[:number]
    left = [row for row in rows if row["id"] not in done]
    predictor, images = setting.predictor(run), setting.data / "images"
    ranked = order_by(MEASURED_ORDERS[order], predictor, images, left)
    if run is None:
        write_text(kept, json.dumps(ranked) + "\n")
    return [*done, *ranked][:number]


def teach(setting: Setting, place: Path, ids: Sequence[int], seed: int) -> Scores:
    """Learn from the corrected images as the app does, and score the model."""
    run = RunFolder(place / "run")
    if not (place / "learned").is_file():
        content = corrected(setting.train, ids)
        write_text(place / "train.json", json.dumps(content))
        lesson = Lesson(
            model=str(find_model(setting.model)),
            images=str((setting.data / "images").absolute()),
            train=str((place / "train.json").absolute()),
            held_out=None,
            steps=setting.steps,
            seed=seed,
        )
        _emptied(run.path)
        write_request(place, lesson)
        if learn(place).phase != "done":
            raise KeyboardInterrupt  # a signal has ended it
        write_text(place / "learned", "")
    return scores_of(setting, place, setting.predictor(run.path))


def run_all(
    setting: Setting, orders: Sequence[str], seeds: int, counts: Sequence[int], minutes: float
) -> None:
    """Do what is not done yet, seed after seed, until `minutes` have passed."""
    end = time.monotonic() + 60 * minutes
    start = setting.out / "start"
    if kept_scores(start) is None:
        _told("start", scores_of(setting, start, setting.predictor()))
    for seed in range(seeds):
        done: dict[str, list[int]] = {order: [] for order in orders}
        for number, order in product(counts, orders):
            place = _place(setting, order, seed, number)
            ids = place / "ids.json"
            if not ids.is_file():
                if time.monotonic() > end:
                    return
                chosen = next_images(setting, order, seed, done[order], number)
                write_text(ids, json.dumps(chosen) + "\n")
            done[order] = json.loads(ids.read_text())
            if kept_scores(place) is None:
                if time.monotonic() > end:
                    return
                _told(place.name, teach(setting, place, done[order], seed))


def table(setting: Setting, orders: Sequence[str], seeds: int, counts: Sequence[int]) -> str:
    """Mean, and smallest to largest over the seeds, of each measure, as Markdown."""
    lines = [
        "| corrected images | order | mask AP | AP50 | F1 | trainings |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    start = kept_scores(setting.out / "start")
    if start is not None:
        lines.append(f"| 0 | | {' | '.join(_cells([start]))} | |")
    for number in counts:
        for order in orders:
            places = (_place(setting, order, seed, number) for seed in range(seeds))
            found = [scores for place in places if (scores := kept_scores(place)) is not None]
            if found:
                row = f"| {number} | {order} | {' | '.join(_cells(found))} | {len(found)} |"
                lines.append(row)
    return "\n".join(lines)


def _cells(found: Sequence[Scores]) -> Iterator[str]:
    for measure in MEASURES:
        yield mean_and_range([one[measure] for one in found])


def _place(setting: Setting, order: str, seed: int, number: int) -> Path:
    return setting.out / f"{order}-seed{seed}-{number}"


def _emptied(folder: Path) -> None:
    """Remove what a training that was killed has left."""
    for path in folder.glob("*"):
        path.unlink()


def _told(name: str, scores: Scores) -> None:
    print(f"{name}: {scores['mask_ap']}", flush=True)


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Run the study, and write its table; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--model", default="nuclei", help="a shipped name, a run or a file")
    add("--data", type=Path, default=Path("datasets/mushrooms"))
    add("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    add("--counts", type=int, nargs="+", default=list(COUNTS), help="corrected images")
    add("--seeds", type=int, default=3)
    add("--steps", type=int, default=200, help="of each training")
    add("--minutes", type=float, default=120.0, help="after which no training is begun")
    add("--out", type=Path, default=Path("runs/correcting"))
    arguments = parser.parse_args(given)
    torch.set_num_threads(1)
    setting = Setting(arguments.data, arguments.model, arguments.steps, arguments.out.absolute())
    which = arguments.orders, arguments.seeds, sorted(arguments.counts)
    run_all(setting, *which, arguments.minutes)
    parts = [table(setting, *which)]
    write_table(setting.out, parts, "correcting.py", given)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
