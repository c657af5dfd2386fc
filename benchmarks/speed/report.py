"""The rows of the table, as Markdown and as JSON."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from relook.runtime.files import write_text
from relook.training.run_folder import environment

from .numbers import Spread

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""Variables that keep PyTorch from instructions beyond AVX2."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number that was measured, beside its target where there is one.

    A target is reached by being at most (or, for a rate, at least) so much. `samples` are all
    repetitions that the number was made from.
    """

    group: str
    what: str
    measured: Spread | float | None  # None: could not be measured here, `note` says why
    target: float | None = None
    unit: str = ""
    note: str = ""
    at_least: bool = False
    samples: Any = field(default=None, repr=False)

    @property
    def value(self) -> float | None:
        """The number that is compared with the target."""
        return self.measured.median if isinstance(self.measured, Spread) else self.measured

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its target; None where there is none, or nothing was measured."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def to_json(self) -> dict[str, Any]:
        """Everything, for the file of results."""
        return {**asdict(self), "reached": self.reached}


def table(rows: Sequence[Row]) -> str:
    """Markdown: what, measured (with quartiles), target, reached or not, remarks."""
    lines = ["| what | measured | target | reached | |", "| --- | ---: | ---: | --- | --- |"]
    for row in rows:
        verdict = {True: "yes", False: "**no**", None: ""}[row.reached]
        sign = "≥" if row.at_least else "≤"
        target = "" if row.target is None else f"{sign} {_number(row.target)}{_unit(row)}"
        cells = (row.what, _measured(row), target, verdict, row.note)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _measured(row: Row) -> str:
    if row.measured is None:
        return "not measured"
    if isinstance(row.measured, Spread):
        s = row.measured
        around = f" ({_number(s.low)} to {_number(s.high)})" if s.high > s.low else ""
        return f"{_number(s.median)}{around}{_unit(row)}"
    return f"{_number(row.measured)}{_unit(row)}"


def _unit(row: Row) -> str:
    return f" {row.unit}" if row.unit else ""


def _number(value: float) -> str:
    size = abs(value)
    if size < 0.1:
        return f"{value:.2g}"
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def origin(command: Sequence[str], threads: int, baseline: str) -> dict[str, Any]:
    """Where the numbers come from: machine, versions, commits, command."""
    return {
        "command": shlex.join(["python", "-m", "benchmarks.speed", *command]),
        "commit": git("rev-parse", "--short", "HEAD"),
        "changed since": bool(git("status", "--porcelain", "--untracked-files=no")),
        "baseline": baseline,
        "processor": processor(),
        "instruction sets": instruction_sets(),
        **environment(),
        "threads": threads,
    }


def processor() -> str:
    """The name of the processor and its family, model and stepping, as far as they are told."""
    told: dict[str, str] = {}
    path = Path("/proc/cpuinfo")
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    names = ("model name", "cpu family", "model", "stepping")
    parts = [f"{name} {told[name]}" for name in names if name in told]
    return ", ".join(parts) or platform.processor() or platform.machine()


_SETS = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")


def instruction_sets() -> str:
    """Instruction sets for vectors that the processor has, and which of them are used."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    flags = {
        flag
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for flag in line.partition(":")[2].split()
    }
    found = " ".join(name for name in _SETS if name in flags) or "not known"
    limits = {name: os.environ[name] for name in LIMITS if name in os.environ}
    if not limits:
        return found
    limited = ", ".join(f"{name}={value}" for name, value in limits.items())
    return f"{found}; limited by {limited}, which stands in for a processor without more"


def git(*arguments: str) -> str:
    """What git says, or nothing where there is no git."""
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return result.stdout.strip()


def write(place: Path, name: str, source: dict[str, Any], rows: Sequence[Row]) -> None:
    """``place/NAME.json`` with every repetition and ``place/NAME.md`` with the table."""
    place.mkdir(parents=True, exist_ok=True)
    content = {**source, "rows": [row.to_json() for row in rows]}
    write_text(place / f"{name}.json", json.dumps(content, indent=1) + "\n")
    measured_on = (
        f"`{source['command']}` at {source['commit']}, {source['threads']} threads, "
        f"{source['processor']} ({source['instruction sets']}), "
        f"PyTorch {source['packages']['torch']}, "
        f"Python {sys.version.split()[0]}; the baseline is {source['baseline']}."
    )
    write_text(place / f"{name}.md", f"{table(rows)}\n\n{measured_on}\n")
