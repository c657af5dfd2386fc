"""Kill commands at random moments, let them go on, and compare what they leave.

    python -m benchmarks.torture --minutes 10      # make torture MINUTES=10

Each work is done once undisturbed. Then it is started again and again in a new folder, killed at a
random moment, repeated as a person would repeat it, and at last let through. What it leaves must be
the same, without a traceback in any output and without half-written files. Then come a full disk, a
folder that cannot be written, one that is removed, and a clock that is set back.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

os.environ["OMP_NUM_THREADS"] = "1"

from .cases import SIGNALS, Case, cases, chosen
from .child import Ended, import_modules, start, wait
from .faults import faults
from .foreign import write_checkpoint
from .inputs import write_inputs
from .results import difference, results
from .row import Row

RESULTS: Final = Path(__file__).parents[1] / "results" / "torture.json"
_TEXT: Final = 600  # characters of an output that are kept of a failure


def main(arguments: list[str] | None = None) -> int:
    """Run; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="cases whose names contain one of these words")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    import_modules()
    with tempfile.TemporaryDirectory(prefix="torture") as name:
        rows, seconds = torture(Path(name), options.minutes * 60, options.seed, options.only)
    report = {
        "command": f"make torture MINUTES={options.minutes:g} SEED={options.seed}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "seconds": round(seconds),
        "rows": [asdict(row) for row in rows],
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    failures = [f"{row.name}: {text}" for row in rows for text in row.failures]
    for text in failures:
        print(f"FAILED {text}", file=sys.stderr)
    kills = sum(row.kills for row in rows)
    print(f"{kills} kills in {seconds / 60:.1f} minutes, {len(failures)} failures")
    return int(bool(failures))


def torture(
    folder: Path, seconds: float, seed: int = 0, only: str | None = None
) -> tuple[list[Row], float]:
    """Torture all cases for about so many seconds, in `folder`; return a row of each."""
    began = time.monotonic()
    write_inputs(folder / "inputs")
    checkpoint = write_checkpoint(folder) if only is None or "import" in only else None
    found = chosen(cases(folder / "inputs", folder / "model", checkpoint), only)
    training = cases(folder / "inputs", folder / "model", None)[0]
    faulty = faults(folder, only)
    if faulty or any(str(folder / "model") in case.command for case in found):
        ended = _through(training, folder / "model", folder / "says.txt")
        training = replace(training, seconds=ended.seconds)
    works = [work for case in found if (work := _Work.of(case, folder)) is not None]
    rows = [work.row for work in works]
    for fault in faulty:
        rows.append(fault(training, results(folder / "model")))
        print(_line(rows[-1]), flush=True)
    chance = random.Random(seed)
    for work in _turns(works, began + seconds):
        work.once(chance)
        print(_line(work.row), flush=True)
    return rows, time.monotonic() - began


def _line(row: Row) -> str:
    last = f": {row.failures[-1]}" if row.failures else ""
    return f"{row.name}: {row.works} works, {row.kills} kills, {len(row.failures)} failures{last}"


def _turns(works: list[_Work], end: float) -> Iterator[_Work]:
    """All works once, then that with the least time so far, until the time is over."""
    spent = dict.fromkeys(range(len(works)), 0.0)
    for number in range(10**9):
        place = number if number < len(works) else min(spent, key=lambda key: spent[key])
        if not works or (number >= len(works) and time.monotonic() >= end):
            return
        began = time.monotonic()
        yield works[place]
        spent[place] += time.monotonic() - began


@dataclass
class _Work:
    """A case with the results of its undisturbed work."""

    case: Case
    folder: Path
    expected: dict[str, str]
    row: Row

    @classmethod
    def of(cls, case: Case, folder: Path) -> _Work | None:
        """Do the work undisturbed, and measure its time."""
        row = Row(case.name)
        out = folder / "undisturbed"
        ended = _through(case, out, folder / "says.txt")
        expected = results(out)
        shutil.rmtree(out, ignore_errors=True)
        if ended.code:
            row.failures.append(f"undisturbed: exit {ended.code}: {ended.output[-_TEXT:]}")
            print(f"{row.name}: {row.failures[0]}", flush=True)
        return cls(replace(case, seconds=ended.seconds), folder, expected, row)

    def once(self, chance: random.Random) -> None:
        """Begin the work in a new folder, kill it once or more, and let it go through."""
        out, says = self.folder / "out", self.folder / "says.txt"
        shutil.rmtree(out, ignore_errors=True)
        self.row.works += 1
        told = ""
        for number in range(chance.randint(1, self.case.kills)):
            act = chance.choice(SIGNALS)
            moment = chance.uniform(0, self.case.seconds * 1.05)
            process = start(self.case.arguments(out, is_first=number == 0), says)
            ended = wait(process, says, moment, act)
            told += f"; signal {act} after {moment:.2f} s, exit {ended.code}"
            self._judge_killed(ended, told)
            if ended.code == 0:
                self.row.ended_before += 1
                self._judge(ended, out, told)
                return
            self.row.kills += 1
        ended = wait(start(self.case.arguments(out, is_first=False), says), says)
        self._judge(ended, out, told)

    def _judge_killed(self, ended: Ended, told: str) -> None:
        if ended.has_traceback:
            self._note(f"traceback{told}: {ended.output[-_TEXT:]}")

    def _note(self, problem: str) -> None:
        """Keep a failure, without the place of the temporary folder."""
        self.row.failures.append(problem.replace(f"{self.folder}{os.sep}", ""))

    def _judge(self, ended: Ended, out: Path, told: str) -> None:
        problem = None
        refused = self.case.refused is not None and self.case.refused in ended.output
        if ended.code and not refused:
            problem = f"exit {ended.code}: {ended.output[-_TEXT:]}"
        else:
            problem = difference(out, self.expected)
        if problem is not None:
            self._note(f"{problem}{told}")


def _through(case: Case, out: Path, says: Path) -> Ended:
    return wait(start(case.arguments(out, is_first=True), says), says)


if __name__ == "__main__":
    sys.exit(main())
