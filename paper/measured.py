"""What relook measured, read from the files that the measurements left: no number is typed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .source import ROOT

RESULTS = ROOT / "benchmarks" / "results"
STUDIES = ROOT / "docs" / "studies"
_MODEL = re.compile(r"`([\w-]+)` over `([\w-]+)`, fast: network")
_GROUPS = {"family", "shapes", "paper"}


@dataclass(frozen=True, slots=True)
class Timed:
    """Times of one model in one run, over those of `base` in the same rounds."""

    model: str
    base: str
    ratio: float  # of the network
    low: float
    high: float
    network: float  # median seconds
    after: float  # suppression, paste and codes
    work: float  # multiply-adds over those of `base`
    source: str  # the command, machine, date or commit, and versions


def times(folder: Path = RESULTS) -> dict[str, list[Timed]]:
    """By the name of a file of `folder`: the models that were measured in one run."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = content.get("rows", []) if isinstance(content, dict) else []
        timed = [_timed(row, content) for row in rows if row.get("group") in _GROUPS]
        if timed:
            found[path.name] = timed
    return found


def _timed(row: Mapping[str, Any], content: Mapping[str, Any]) -> Timed:
    match = _MODEL.fullmatch(row["what"])
    if match is None:
        raise ValueError(f"a row of times that says neither model nor base: {row['what']!r}")
    samples, spread = row["samples"], row["measured"]
    answers = samples["answers"]
    work = samples["multiply-adds"]
    base = next(one for one in content["rows"] if one["what"].startswith(f"`{match[2]}` over"))
    packages = content["packages"]
    when = content.get("date") or f"at {content['commit']}"
    return Timed(
        match[1],
        match[2],
        spread["median"],
        spread["low"],
        spread["high"],
        median(one["network"] for one in answers),
        median(one["suppression"] + one["paste"] for one in answers),
        work / base["samples"]["multiply-adds"],
        f"{content['command']}, {when}, {content['threads']} threads, {content['processor']}, "
        f"Python {content['python']}, torch {packages['torch']}",
    )


def table_of(path: Path, after: str) -> dict[str, dict[str, str]]:
    """The first Markdown table behind the words `after`: cells by the first cell of their row and
    by the heading of their column. Empty when there is no such file or table."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, found, rest = text.partition(after)
    lines: list[list[str]] = []
    for line in rest.splitlines() if found else ():
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.strip("|").split("|")])
        elif lines:
            break
    if len(lines) < 3:
        return {}
    head, _, *rows = lines
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
