"""The commands that are tortured, and how each goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .inputs import NARROW

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A command whose folder or file of results is ``OUT``; `again` is added to go on with it."""

    name: str
    command: Words
    again: Words = ()
    first: Words | None = None
    """Words of the first call in place of `again`, where it needs others."""
    refused: str | None = None
    """Words of the refusal of a work that is complete, where it is not done again."""
    kills: int = 4  # of one work, at most
    seconds: float = 0.0  # of a work that nothing disturbs; 0: measured

    def arguments(self, out: Path, *, is_first: bool) -> list[str]:
        """The words of a call, with `out` for ``OUT``."""
        more = self.again if not is_first or self.first is None else self.first
        return [word.replace("OUT", str(out)) for word in (*self.command, *more)]


def cases(inputs: Path, model: Path, checkpoint: Path | None) -> list[Case]:
    """All cases on the data in `inputs`, with `model` for those that need a trained one."""
    json_file, images = str(inputs / "instances.json"), str(inputs / "images")
    data = ("--train-json", json_file, "--images", images)
    both = (*data, "--val-json", json_file)
    train = ("train", "--model", "htc-tiny", "--batch", "2", "--epochs", "2", "--out", "OUT")
    train += (*NARROW, "--resume", "auto", "--save-every", "0.2s")
    one = ("--workers", "0")
    found = [
        Case("train", (*train, *both, *one)),
        Case("train, averaged weights", (*train, *data, *one, "--ema", "0.9")),
        Case("train, accumulate", (*train, *data, *one, "--accumulate", "2")),
        Case(
            "train, patience",
            (*train, *both, *one, "--patience", "1", "--lr", "1e-9", "--set", "train.epochs=6"),
        ),
        Case("train, loader processes", (*train, *both, "--workers", "2")),
        Case("train, two processes", (*train, *both, *one, "--devices", "2"), kills=1),
    ]
    predict = ("predict", "--model", str(model), "--score", "0", "--out", "OUT")
    predict += ("--save", "coco,masks")
    compose = ("data", "compose", "OUT", "--images", "12", "--side", "128", "--objects", "2:4")
    ablate = ("ablate", "--rows", "htc,+rfp", "--epochs", "1", "--batch", "2")
    ablate += ("--time-images", "0")
    found += [
        Case("predict", (*predict, images), again=("--resume",)),
        Case(
            "predict, tiles",
            (*predict, str(inputs / "large"), "--tile", "64"),
            again=("--resume",),
        ),
        Case(
            "eval",
            ("eval", str(model), "--json", json_file, "--images", images, "--out", "OUT"),
        ),
        Case(
            "compose",
            (*compose, "--from", f"{inputs / 'compose.json'}:{images}"),
            refused="is not written over",
        ),
        Case(
            "ablate",
            (*ablate, *both, *NARROW, "--set", "workers=0", "--out", "OUT"),
            again=("--resume",),
            first=(),
            kills=1,
        ),
    ]
    if checkpoint is not None:
        words = ("weights", "import", str(checkpoint), "--out", "OUT/model.safetensors")
        found.append(Case("import", words, kills=1))
    return found


def chosen(found: Sequence[Case], only: str | None) -> list[Case]:
    """The cases whose names contain one of the words in `only`, with commas between."""
    if only is None:
        return list(found)
    words = [word.strip() for word in only.split(",")]
    kept = [case for case in found if any(word in case.name for word in words)]
    if not kept:
        sys.exit(f"--only {only}: the cases are {'; '.join(case.name for case in found)}")
    return kept


SIGNALS: Final = (9, 9, 9, 15, 2)
"""Drawn from: SIGKILL most often, then SIGTERM and SIGINT."""
