"""`python -m benchmarks.speed`: measure every row of the table of targets, and write the table.

Run it in the root of a clone with history, on a machine that does nothing else. Everything that
is compared runs in turns in one run, each contender in a process of its own. The results are
written after every group, so that a run that is stopped leaves what it has measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from relook.errors import RelookError

from .coordinator import BASELINE, ROOT, Bench
from .plan import Plan
from .report import LIMITS, Row, origin, table, write
from .rows import GROUPS


def main(given: Sequence[str]) -> int:
    """Measure what is asked for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--only", type=lambda text: text.split(","), default=list(GROUPS), metavar="GROUP,...",
        help=f"of {', '.join(GROUPS)}")  # fmt: skip
    add("--repetitions", type=int, help="by default 3, with --quick 1")
    add("--quick", action="store_true", help="small models, one repetition: does it all run?")
    add("--threads", type=int, default=2, help="cores of each contender, one of which works")
    add("--avx2", action="store_true",
        help="without instructions beyond AVX2, in place of a processor that has none")  # fmt: skip
    add("--baseline", default=BASELINE, help="the commit that is compared with")
    add("--name", help="of the files; by default says what was asked for")
    add("--out", type=Path, default=ROOT / "benchmarks/results")
    arguments = parser.parse_args(given)
    unknown = [name for name in arguments.only if name not in GROUPS]
    if unknown:
        parser.error(f"unknown groups {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    name = arguments.name or _name(arguments.only, quick=arguments.quick, avx2=arguments.avx2)
    if arguments.avx2:
        os.environ.update(LIMITS)  # of this process, in which nothing is computed, and its workers
    repetitions = arguments.repetitions or (1 if arguments.quick else 3)
    source = origin(given, arguments.threads, arguments.baseline)
    plan = Plan(arguments.quick, arguments.out / f"{name}-growth.svg")
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Bench(Path(folder), arguments.threads, repetitions, arguments.baseline) as bench,
        ):
            for group in arguments.only:
                started = time.perf_counter()
                print(group, file=sys.stderr, flush=True)
                rows += GROUPS[group](bench, plan)
                minutes = (time.perf_counter() - started) / 60
                source.setdefault("minutes", {})[group] = round(minutes, 2)
                write(arguments.out, name, {**source, "weights": bench.weights}, rows)
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(table(rows))
    return 0


def _name(groups: Sequence[str], *, quick: bool, avx2: bool) -> str:
    parts = [
        "speed",
        *(["avx2"] if avx2 else []),
        *(["quick"] if quick else []),
        *(groups if set(groups) != set(GROUPS) else []),
    ]
    return "-".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
