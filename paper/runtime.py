"""`python -m paper.runtime`: the runtime tables of both papers, measured in one run.

HTC, with RFP, with SAC, with both, Fast DSC and DSC take turns in one process, each round in
another order, with weights under which they have the load of trained ones (`benchmarks.speed`).
The network is timed apart from suppression, paste and codes. The page reads what is written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.speed.coordinator import ROOT, Bench
from benchmarks.speed.detecting import over_the_first
from benchmarks.speed.plan import Plan
from benchmarks.speed.report import origin, table, write

from relook.errors import RelookError

NAME = "paper-runtime"


def main(given: Sequence[str]) -> int:
    """Measure and write; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m paper.runtime", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="tiny models, one repetition: does it all run?")
    add("--repetitions", type=int, help="by default 5, with --quick 1")
    add("--threads", type=int, default=2)
    add("--out", type=Path, default=ROOT / "benchmarks/results")
    arguments = parser.parse_args(given)
    repetitions = arguments.repetitions or (1 if arguments.quick else 5)
    name = f"{NAME}-quick" if arguments.quick else NAME
    plan = Plan(arguments.quick, arguments.out / f"{name}.svg")
    models = list(dict.fromkeys((*plan.models, *plan.guided)))
    source = origin(given, arguments.threads, baseline="none")
    source["command"] = source["command"].replace("benchmarks.speed", "paper.runtime")
    source["date"] = datetime.now(UTC).date().isoformat()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Bench(Path(folder), arguments.threads, repetitions, rival="HEAD") as bench,
        ):
            rows = list(over_the_first(bench, plan, "paper", models))
            write(arguments.out, name, {**source, "weights": bench.weights}, rows)
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
