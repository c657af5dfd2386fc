"""The row for machines with a GPU; elsewhere it says that it was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from .contender import Name
from .coordinator import Answer, Bench
from .numbers import spread
from .plan import SIZE, Plan, detect_request, make_weights
from .report import Row

MODEL = "detectors-htc-r50"
PRECISIONS = ("float32", "tf32", "float16", "bfloat16")
FACTOR, IMAGES = 3.0, 40.0  # times the baseline at batch 1; images a second at batch 8


def gpu(bench: Bench, _: Plan) -> Iterator[Row]:
    """Images a second on a GPU, by batch and precision, eager and compiled; and in training."""
    if not bench.ask("fast", "about")["cuda"]:
        note = "no CUDA device on this machine"
        yield Row("gpu", f"`{MODEL}` on a GPU, batch 1, over the eager baseline", None, FACTOR,
                  note=note, at_least=True)  # fmt: skip
        yield Row("gpu", f"`{MODEL}` on a GPU, batch 8", None, IMAGES, "images/s", note, True)
        return
    make_weights(bench, MODEL, SIZE)
    base = {**detect_request(MODEL, SIZE), "device": "cuda", "paste": False}
    for batch in (1, 8):
        found = {"baseline": _measure(bench, {"eager": ("baseline", {**base, "batch": batch})})}
        for compiled in (False, True):
            # One at a time: a compiled detector is another one, and a worker keeps only one.
            bench.forget()
            requests: dict[str, tuple[Name, Mapping[str, Any]]] = {
                precision: (
                    "fast",
                    {**base, "batch": batch, "precision": precision, "compiled": compiled},
                )
                for precision in PRECISIONS
            }
            found["compiled" if compiled else "eager"] = _measure(bench, requests)
        yield from _rows(found, batch)
    for precision, name in product(("float32", "float16", "bfloat16"), ("baseline", "fast")):
        request = {"case": "train", "model": MODEL, "side": 512, "device": "cuda", "batch": 8}
        one: dict[str, tuple[Name, Mapping[str, Any]]] = {
            name: ("fast" if name == "fast" else "baseline", {**request, "precision": precision})
        }
        seconds = _measure(bench, one)[name]
        speeds = spread([8 / a["seconds"] for a in seconds])
        title = f"training `{MODEL}` on a GPU, 512x512, batch 8, {precision}: {name}"
        yield Row("gpu", title, speeds, unit="images/s", samples=seconds)


def _measure(
    bench: Bench, requests: Mapping[str, tuple[Name, Mapping[str, Any]]]
) -> dict[str, list[Answer]]:
    return bench.rounds(requests)[0]


def _rows(found: Mapping[str, Mapping[str, list[Answer]]], batch: int) -> Iterator[Row]:
    """Every speed at one batch size, then what the target is about."""
    speeds = {
        (way, precision): spread([batch / a["seconds"] for a in answers])
        for way, by_precision in found.items()
        for precision, answers in by_precision.items()
    }
    for (way, precision), speed in speeds.items():
        title = f"`{MODEL}` on a GPU, batch {batch}, {way}, {precision}"
        yield Row("gpu", title, speed, unit="images/s", samples=found[way][precision])
    best = max(speeds, key=lambda key: speeds[key].median)
    note = f"{best[0]}, {best[1]}"
    if batch == 1:
        over = speeds[best].median / speeds["baseline", "eager"].median
        title = f"`{MODEL}` on a GPU, batch 1, fastest over the eager baseline"
        yield Row("gpu", title, over, FACTOR, note=note, at_least=True)
    else:
        title = f"`{MODEL}` on a GPU, batch {batch}, fastest"
        yield Row("gpu", title, speeds[best], IMAGES, "images/s", note, at_least=True)
