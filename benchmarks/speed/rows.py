"""Groups of rows about training, masks, memory and starting, and the list of all groups."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .contender import NAMES, Name
from .coordinator import Bench, column
from .detecting import family, growing, inference, sac, shapes
from .numbers import Spread, ratio, spread
from .plan import Plan, detect_request, make_weights, shown
from .report import Row

MB = 1e6


def training(bench: Bench, plan: Plan) -> Iterator[Row]:
    """A training step: time and peak memory, with and without checkpointing."""
    for model in ("detectors-htc-tiny", "detectors-htc-r50")[: 1 if plan.quick else 2]:
        make_weights(bench, model, (512, 512))
        request = {"case": "train", "model": model, "side": 512}
        kept = {**request, "checkpointing": True}
        requests: dict[str, tuple[Name, Mapping[str, Any]]] = {n: (n, request) for n in NAMES}
        can = "unavailable" not in bench.ask("fast", **kept)
        if can:
            requests["checkpointing"] = ("fast", kept)
        answers, _ = bench.rounds(requests)
        seconds = {name: column(found) for name, found in answers.items()}
        title = f"training step, `{model}`, 512x512, batch 2"
        losses = ", ".join(f"{found[0]['loss']:.5f} {name}" for name, found in answers.items())
        yield Row(
            "training",
            f"{title}: fast / baseline, time",
            ratio(seconds["fast"], seconds["baseline"]),
            0.75,
            note=f"{shown(seconds['fast'])}; losses: {losses}",
            samples=answers,
        )
        bench.forget()
        yield from _training_memory(bench, title, request, kept if can else None)
        if can:
            over = ratio(seconds["checkpointing"], seconds["baseline"])
            yield Row("training", f"{title}: with checkpointing / baseline, time", over, 1.0)


def _training_memory(
    bench: Bench, title: str, request: Mapping[str, Any], kept: Mapping[str, Any] | None
) -> Iterator[Row]:
    """Two steps in a fresh process each: the second has the optimiser's memory besides."""
    found = {n: bench.measure_memory(n, **request, steps=2) for n in ("baseline", "fast")}
    rival = found["baseline"]["extra"]
    yield Row(
        "training",
        f"{title}: fast / baseline, peak memory",
        found["fast"]["extra"] / rival,
        note=f"{found['fast']['extra'] / MB:.0f} MB above the weights; "
        f"{rival / MB:.0f} MB the baseline",
        samples=found,
    )
    if kept is None:
        note = "no checkpointing yet"
        yield Row("training", f"{title}: with checkpointing", None, 0.60, note=note)
        return
    least = bench.measure_memory("fast", **kept, steps=2)
    yield Row(
        "training",
        f"{title}: with checkpointing / baseline, peak memory",
        least["extra"] / rival,
        0.60,
        note=f"{least['extra'] / MB:.0f} MB above the weights",
        samples=least,
    )


def masks(bench: Bench, plan: Plan) -> Iterator[Row]:
    """300 detections on 4000 x 3000 pixels: paste, codes, result."""
    model = plan.models[-1]
    size = plan.size if plan.quick else (800, 1088)  # what fits such an image into 1333 x 800
    make_weights(bench, model, plan.size)
    request = {"case": "paste", "count": 300, "height": 3000, "width": 4000}
    answers, _ = bench.rounds(
        {
            "fast": ("fast", request),
            "baseline": ("baseline", request),
            "network": ("fast", detect_request(model, size)),
        }
    )
    pasting, network = column(answers["fast"]), column(answers["network"])
    share = spread([a / (a + b) for a, b in zip(pasting, network, strict=True)])
    title = "300 detections on a 4000x3000 image: paste, codes, result"
    yield Row(
        "masks",
        f"{title}: share of the time of `{model}`",
        Spread(100 * share.median, 100 * share.low, 100 * share.high),
        10,
        "%",
        f"{shown(pasting)}; {shown(column(answers['baseline']))} the baseline",
        samples=answers,
    )
    bench.forget()
    found = {n: bench.measure_memory(n, **request) for n in ("fast", "baseline")}
    note = f"{found['baseline']['extra'] / MB:.0f} MB the baseline"
    yield Row(
        "masks",
        f"{title}: extra memory",
        found["fast"]["extra"] / MB,
        200,
        "MB",
        note,
        samples=found,
    )


def memory(bench: Bench, plan: Plan) -> Iterator[Row]:
    """Peak resident memory of inference above imports and weights."""
    model, size = plan.models[-1], plan.size
    make_weights(bench, model, size)
    bench.forget()
    found = {n: bench.measure_memory(n, **detect_request(model, size)) for n in NAMES}
    yield Row(
        "memory",
        f"peak memory of `{model}` at {size[0]}x{size[1]} above the weights",
        found["fast"]["extra"] / MB,
        1500,
        "MB",
        ", ".join(f"{found[n]['extra'] / MB:.0f} MB {n}" for n in NAMES[:2]),
        samples=found,
    )


def start(_: Bench, __: Plan) -> Iterator[Row]:
    """`relook --help`, and what `import relook` leaves alone."""
    script = Path(sys.executable).with_name("relook")
    command = [str(script)] if script.is_file() else [sys.executable, "-m", "relook.cli.app"]
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        subprocess.run([*command, "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - started)
    yield Row("start", "`relook --help`", spread(seconds[1:]), 0.4, "s", samples=seconds)
    program = "import sys, relook; print(sum(m == 'torch' for m in sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    yield Row("start", "`import relook` imports PyTorch (1) or not (0)", float(result.stdout), 0)


def loading(bench: Bench, plan: Plan) -> Iterator[Row]:
    """A model file to a predictor that is ready, over reading its bytes."""
    model = plan.models[-1]
    make_weights(bench, model, plan.size)
    size = {n: bench.ask(n, "make_file", model=model)["megabytes"] for n in NAMES}["fast"]
    bench.forget()
    answers, _ = bench.rounds({n: (n, {"case": "load"}) for n in NAMES})
    over = {n: ratio(column(answers[n]), column(answers[n], "read")) for n in NAMES}
    fast = answers["fast"]
    late = spread([(a["seconds"] + a["first use"]) / a["read"] for a in fast])
    yield Row(
        "loading",
        f"loading {size:.0f} MB (`{model}`) over reading the bytes from the page cache",
        over["fast"],
        3.0,
        note=f"{shown(column(fast))}; {late.median:.1f} with what the first prediction takes "
        f"longer; {over['baseline'].median:.1f} the baseline",
        samples=answers,
    )


GROUPS: dict[str, Callable[[Bench, Plan], Iterator[Row]]] = {
    "inference": inference,
    "sac": sac,
    "family": family,
    "shapes": shapes,
    "training": training,
    "masks": masks,
    "memory": memory,
    "start": start,
    "loading": loading,
    "growth": growing,
}
