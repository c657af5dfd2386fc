"""`make gpu-report`: what relook does on this machine's GPU, in a few minutes.

Groups run in order of worth, each in a process of its own with a share of the time; what a group
has measured when its time is over is kept. The table is written after every group. `--dry-run`
tries all of it on a CPU with tiny sizes.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from relook.runtime.files import write_text

from ..speed.numbers import Spread
from ..speed.report import ROOT, Row, git, table
from .measure import Bench
from .rows import GROUPS, against_peer, loop

STARTED = time.monotonic()


def main(given: Sequence[str]) -> int:
    """Measure; the exit code is 1 where there is no GPU, and 2 where a row failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--minutes", type=float, default=8.0, help="for all of it [default: %(default)s]")
    add("--dry-run", action="store_true", help="tiny sizes on the CPU: does it all run?")
    add("--out", type=Path, default=ROOT / "benchmarks/results")
    add("--folder", type=Path, help=argparse.SUPPRESS)
    add("--group", choices=GROUPS, help=argparse.SUPPRESS)
    add("--loop", metavar="MODEL", help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    small = arguments.dry_run
    if not small and not torch.cuda.is_available():
        print("there is no CUDA device; --dry-run tries the script without one", file=sys.stderr)
        return 1
    bench = Bench(arguments.folder or Path(), "cpu" if small else "cuda", is_small=small)
    if arguments.loop:
        print(loop(bench, arguments.loop))
        return 0
    if arguments.group:
        return measure(bench, arguments.group)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_all(Path(folder), arguments.minutes, arguments.out, small=small)
    print(table(rows))
    return 2 if any(row.note.startswith("failed") for row in rows) else 0


def measure(bench: Bench, group: str) -> int:
    """The rows of one group, each as a line of json as soon as it is measured."""
    with (bench.folder / f"{group}.jsonl").open("a", encoding="utf-8") as file:
        for title, task in GROUPS[group][0](bench):
            try:
                row = task()
            except Exception as error:  # noqa: BLE001 - one row does not end the others
                reason = str(error).strip().splitlines()[:1]
                note = f"failed: {type(error).__name__}: {''.join(reason)[:200]}"
                row = Row(group, title, None, note=note)
            finally:
                if bench.device == "cuda":
                    torch.cuda.empty_cache()
            file.write(json.dumps(row.to_json()) + "\n")
            file.flush()
    return 0


def measure_all(folder: Path, minutes: float, out: Path, *, small: bool) -> list[Row]:
    """All groups one after the other; what a group leaves of its time, the next ones have."""
    source = origin(minutes, small=small)
    rows: list[Row] = []
    left = dict(GROUPS)
    for group, (_, share) in GROUPS.items():
        spare = 60 * minutes - (time.monotonic() - STARTED)
        seconds = max(spare, 0) * share / sum(part for _, part in left.values())
        del left[group]
        command = [sys.executable, "-m", "benchmarks.gpu", "--group", group, "--folder", folder]
        try:
            run = subprocess.run(
                [*command, *(["--dry-run"] if small else [])],
                cwd=ROOT, capture_output=True, text=True, timeout=max(seconds, 1), check=False,
            )  # fmt: skip
            ended = "" if run.returncode == 0 else f"failed: {run.stderr.strip()[-300:]}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {seconds:.0f} s"
        path = folder / f"{group}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows += [read_row(json.loads(line)) for line in lines]
        if ended:
            rows.append(Row(group, f"the rest of the group {group}", None, note=ended))
        print(f"{group}: {len(lines)} rows {ended}", file=sys.stderr, flush=True)
        write(out, source, [*rows, *against_peer(rows)])
    return [*rows, *against_peer(rows)]


def read_row(content: dict[str, Any]) -> Row:
    """The row that `Row.to_json` made."""
    del content["reached"]
    if isinstance(content["measured"], dict):
        content["measured"] = Spread(**content["measured"])
    return Row(**content)


def origin(minutes: float, *, small: bool) -> dict[str, Any]:
    """Where the numbers come from."""
    return {
        "name": "dry-run" if small else _short(torch.cuda.get_device_name()),
        "device": platform.machine() if small else torch.cuda.get_device_name(),
        "command": f"python -m benchmarks.gpu --minutes {minutes:g}",
        "commit": git("rev-parse", "--short", "HEAD"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


def _short(name: str) -> str:
    """The name of a card for a file: "NVIDIA H100 80GB HBM3" -> "h100"."""
    words = name.lower().replace("nvidia", "").split()
    return "".join(c for c in (words[0] if words else "gpu") if c.isalnum()) or "gpu"


def write(out: Path, source: dict[str, Any], rows: Sequence[Row]) -> None:
    """``gpu-NAME.json`` with every repetition, and ``gpu-NAME.md`` with the table."""
    content = {**source, "rows": [row.to_json() for row in rows]}
    name = f"gpu-{source['name']}"
    write_text(out / f"{name}.json", json.dumps(content, indent=1) + "\n")
    measured_on = (
        f"`{source['command']}` at {source['commit'] or 'an unknown commit'}, {source['device']}, "
        f"PyTorch {source['torch']}, CUDA {source['cuda']}, Python {source['python']}."
    )
    write_text(out / f"{name}.md", f"{table(rows)}\n\n{measured_on}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
