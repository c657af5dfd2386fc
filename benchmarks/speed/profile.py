"""`python -m benchmarks.speed.profile`: where the time of one image goes, by part and by operator.

A part is reported without the parts inside it. Operators are PyTorch's own,
by the time spent in themselves, from a run of their own since watching them costs time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from relook.inference.results import Result
from relook.models.cascades import steps
from relook.models.detector import Detector
from relook.ops import nms as suppression
from relook.runtime.files import write_text

from . import cases, loads
from .contender import Contender
from .coordinator import ROOT
from .report import origin
from .stopwatch import Stopwatch, replaced

OPERATORS = 25  # listed
_FUNCTIONS = {
    suppression.suppress: "suppression",
    suppression.suppress_classes: "suppression",
    steps.pool: "RoI features",
    steps.refine: "box refinement",
}


def methods(detector: Detector) -> Iterator[tuple[Any, str, str]]:
    """(owner, method, part) of what is watched; a detector, folded or not, has some of them."""
    features: Any = detector.features
    cascade: Any = detector.cascade
    looks = list(getattr(features, "backbones", None) or [features.backbone])
    for i, look in enumerate(looks, 1):
        yield from ((look, method, f"look {i}") for method in ("forward", "begin", "finish"))
    yield features, "forward", "features, the rest"
    yield getattr(features, "fpn", None), "forward", "fpn"
    yield getattr(features, "connector", None), "forward", "aspp"
    fusion = getattr(features, "fusion", None)
    yield fusion, "blend" if hasattr(fusion, "blend") else "forward", "fusion"
    yield detector.rpn, "forward", "rpn"
    yield detector.rpn, "propose", "proposals"
    if detector.semantic is not None:
        yield detector.semantic, "context", "semantic"
    yield from ((one, "forward", f"box stage {i}") for i, one in enumerate(cascade.box_heads, 1))
    for i, head in enumerate(cascade.mask_heads, 1):
        yield head, "features", f"mask stage {i}"
        yield head, "predict", f"mask stage {i}"


@contextlib.contextmanager
def watched(watch: Stopwatch, detector: Detector) -> Iterator[None]:
    """Book the time of everything in `methods` and of the functions listed above."""
    changed = []
    for owner, name, part in methods(detector):
        if not hasattr(owner, name):  # folded into something else
            continue
        setattr(owner, name, watch.watched(getattr(owner, name), part))
        changed.append((owner, name))
    try:
        with replaced({one: watch.watched(one, part) for one, part in _FUNCTIONS.items()}):
            yield
    finally:
        for owner, name in changed:
            delattr(owner, name)


def by_part(
    detector: Detector, images: Any, repetitions: int, wait: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Median seconds of each part, in the order in which they are first reached.

    `wait` waits for a device before the time is taken.
    """
    runs = []
    for _ in range(repetitions):
        watch = Stopwatch(wait)
        with watched(watch, detector), watch.part("everything else"):
            found = detector.detect(images)
            with watch.part("paste and codes"):
                Result.from_detections(found[0], None, cases.made_up_classes(cases.CATEGORIES))
        runs.append(watch.seconds)
    return {part: median(run.get(part, 0.0) for run in runs) for part in runs[0]}


def by_operator(detector: Detector, images: Any) -> dict[str, tuple[float, int]]:
    """Seconds in itself, and calls, of the operators that take longest."""
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        detector.detect(images)
    events = sorted(profiler.key_averages(), key=lambda e: -e.self_cpu_time_total)
    return {e.key: (e.self_cpu_time_total / 1e6, e.count) for e in events[:OPERATORS]}


def tables(parts: Mapping[str, float], operators: Mapping[str, tuple[float, int]]) -> str:
    """Both as Markdown, longest first."""
    total = sum(parts.values())
    lines = ["| part | s | % |", "| --- | ---: | ---: |"]
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        lines.append(f"| {part} | {seconds:.3f} | {100 * seconds / total:.1f} |")
    lines += [
        f"| **all** | {total:.3f} | |",
        "",
        "| operator | s | calls |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| `{name}` | {s:.3f} | {calls} |" for name, (s, calls) in operators.items()]
    return "\n".join(lines)


def main(given: Sequence[str]) -> int:
    """Profile and write; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.profile", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--model", default="detectors-htc-r50")
    add("--size", type=int, nargs=2, default=[800, 1344], metavar=("HEIGHT", "WIDTH"))
    add("--fast", choices=("on", "off"), default="on")
    add("--repetitions", type=int, default=3)
    add("--threads", type=int, default=2)
    add("--out", type=Path, default=ROOT / "benchmarks/results")
    arguments = parser.parse_args(given)
    torch.set_num_threads(arguments.threads)
    model, (height, width) = arguments.model, arguments.size
    with tempfile.TemporaryDirectory() as folder:
        contender = Contender("fast" if arguments.fast == "on" else "plain", Path(folder))
        contender.warm_imports()
        with contender.mode(), torch.inference_mode():
            cases.calibrate(contender, model, height, width)
            detector, config = contender.detector(model, "detect")
            images = loads.image_batch("photograph", height, width, 1, config)
            detector.detect(images)
            parts = by_part(detector, images, arguments.repetitions)
            operators = by_operator(detector, images)
    source = origin(given, arguments.threads, baseline="")
    source["command"] = source["command"].replace("benchmarks.speed", "benchmarks.speed.profile")
    name = f"profile-{model}-{height}x{width}{'' if arguments.fast == 'on' else '-plain'}"
    text = tables(parts, operators)
    arguments.out.mkdir(parents=True, exist_ok=True)
    content = {**source, "parts": parts, "operators": operators}
    write_text(arguments.out / f"{name}.json", json.dumps(content, indent=1) + "\n")
    write_text(arguments.out / f"{name}.md", f"{text}\n\n`{source['command']}`\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
