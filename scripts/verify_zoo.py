"""Download every published checkpoint that a preset covers, import it, and measure it on COCO.

    make verify-zoo COCO=/data/coco                  all of them: 10 GB, and hours on a GPU
    make verify-zoo COCO=/data/coco ONLY="detectors-htc-r50 htc-r50" LIMIT=100

COCO is a folder with val2017/ and annotations/instances_val2017.json. The published average
precision stands beside the measured one. THIS HAS NOT BEEN RUN IN THE MAKING OF RELOOK: there was
no internet, and no published file was opened. What was tested is that the command works, on
files of the same layout. If a number differs, please open an issue with the report that it writes.

The exit code is 1 when a checkpoint cannot be fetched or imported, or when, without LIMIT, its
average precision on val2017 is further than TOLERANCE from the published one.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from relook.api import load
from relook.data.coco.reader import CocoIndex, read_coco
from relook.errors import RelookError
from relook.evaluation.run import evaluate_model
from relook.interop.zoo.downloading import progress_lines
from relook.interop.zoo.zoo import ZooFile, covered, fetch, find
from relook.runtime.files import write_text

TOLERANCE = 0.15  # points of average precision; published numbers have one decimal
UNPROVEN = "This command was not run in the making of relook; the numbers below are the first."


@dataclass(frozen=True)
class Outcome:
    """One checkpoint: what was published, and what was measured here, in points."""

    name: str
    preset: str | None
    split: str  # what the published numbers are of; the measured ones are of val2017
    published: tuple[float, float | None]
    measured: tuple[float, float | None] | None
    problem: str = ""

    def verdict(self, complete: bool) -> str:
        """One word or a reason; "differs" only where the comparison is fair."""
        if self.measured is None:
            return f"failed: {self.problem}"
        if self.split != "val2017":
            return f"published on {self.split}"
        if not complete:
            return "a part of the images"
        pairs = zip(self.published, self.measured, strict=True)
        far = not all(a is None or (b is not None and abs(a - b) <= TOLERANCE) for a, b in pairs)
        return "differs" if far else "agrees"


def measure(file: ZooFile, index: CocoIndex, limit: int | None, device: str) -> Outcome:
    """What `file` reaches on the first `limit` images of `index`."""
    published = (file.box_ap, file.mask_ap)
    try:
        fetch(file, progress=progress_lines(file.file_name, sys.stderr))
        predictor = load(file.name, weights=file.name, device=device)
        metrics = evaluate_model(predictor, index, limit=limit, progress=_tell).metrics
    except RelookError as error:
        return Outcome(file.name, file.preset, file.split, published, None, str(error))
    mask = None if metrics.mask is None else _points(metrics.mask.ap)
    measured = (_points(metrics.box.ap), mask)
    return Outcome(file.name, file.preset, file.split, published, measured)


def table(outcomes: list[Outcome], complete: bool) -> str:
    """Published beside measured, one checkpoint a line."""
    lines = [f"{'checkpoint':64}{'published':>14}{'measured':>14}  verdict"]
    for one in outcomes:
        measured = _pair(one.measured) if one.measured else "-"
        verdict = one.verdict(complete)
        lines.append(f"{one.name:64}{_pair(one.published):>14}{measured:>14}  {verdict}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--coco", type=Path, required=True, help="folder of COCO 2017")
    parser.add_argument("--limit", type=int, help="the first images only; nothing is judged then")
    parser.add_argument("--only", nargs="*", default=[], help="names of checkpoints or presets")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("verify-zoo.json"))
    options = parser.parse_args(arguments)
    print(UNPROVEN, file=sys.stderr)
    try:
        files = [find(name) for name in options.only] or list(covered())
        truth = options.coco / "annotations" / "instances_val2017.json"
        index = read_coco(truth, options.coco / "val2017", check_files=options.limit is None)
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    complete = options.limit is None or options.limit >= len(index.images)
    outcomes = []
    for number, file in enumerate(files, start=1):
        print(f"[{number}/{len(files)}] {file.name}", file=sys.stderr)
        outcomes.append(measure(file, index, options.limit, options.device))
        content = [asdict(one) | {"verdict": one.verdict(complete)} for one in outcomes]
        write_text(options.out, json.dumps(content, indent=1) + "\n")
    print(table(outcomes, complete))
    print(f"written: {options.out}", file=sys.stderr)
    return int(any(v.startswith(("failed", "differs")) for v in _verdicts(outcomes, complete)))


def _verdicts(outcomes: list[Outcome], complete: bool) -> list[str]:
    return [one.verdict(complete) for one in outcomes]


def _points(value: float) -> float:
    return round(100 * value, 2)


def _pair(pair: tuple[float, float | None]) -> str:
    return f"{pair[0]:.1f} / {'-' if pair[1] is None else f'{pair[1]:.1f}'}"


def _tell(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"  {done} of {total} images", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
