"""What is measured: one function a row of the table of targets, or a few that belong together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from relook.atomic import write_text
from relook.complexity import multiply_adds
from relook.presets import preset

from .cases import SAC_LAYERS, load_detections
from .contender import NAMES, Name
from .coordinator import Answer, Bench, column
from .gpu import gpu
from .numbers import Spread, agreement, floor_seconds, growth, ratio, spread
from .plan import SIZE, Plan, detect_request, make_weights, shown
from .plot import Curve, growth_svg
from .report import Row

MB = 1e6
LINEAR = 1.1  # exponents up to here count as linear: a tenth is noise


def inference(bench: Bench, plan: Plan) -> Iterator[Row]:
    """One image through `detectors-htc-r50`: against the baseline, the plain way, the floor."""
    model = "detectors-htc-r50"
    make_weights(bench, model, SIZE)
    request = detect_request(model, SIZE)
    answers, rates = bench.rounds({n: (n, request) for n in NAMES}, rates=True)
    seconds = {name: column(answers[name]) for name in NAMES}
    title = f"`{model}`, 1x3x800x1344, float32"
    samples = {"answers": answers, "rates": rates}
    fast = answers["fast"][0]
    note = (
        f"{shown(seconds['fast'])}; {shown(seconds['baseline'])} the baseline; "
        f"{fast['candidates']} candidates, {fast['detections']} detections"
    )
    yield Row(
        "inference",
        f"{title}: fast / baseline",
        ratio(seconds["fast"], seconds["baseline"]),
        0.60,
        note=note,
        samples=samples,
    )
    yield Row(
        "inference",
        f"{title}: fast / plain",
        ratio(seconds["fast"], seconds["plain"]),
        note=shown(seconds["plain"]) + " the plain way",
    )
    work = sum(multiply_adds(preset(model)).values())
    floors = floor_seconds(work, rates)
    note = f"{work / 1e9:.0f} G multiply-adds; " + ", ".join(
        f"{median(seconds['fast']) / value:.2f} by {kind}"
        for kind, value in floors.items()
        if kind != "best"
    )
    over = spread([one / floors["best"] for one in seconds["fast"]])
    yield Row("inference", f"{title}: fast / floor", over, 1.35, note=note, samples=floors)
    yield from _agreements(bench, plan, model)


def _agreements(bench: Bench, plan: Plan, model: str) -> Iterator[Row]:
    """Whether the fast side finds what the others find."""
    for image in ("photograph",) if plan.quick else ("photograph", "formula"):
        for name in NAMES:
            bench.ask(name, **detect_request(model, SIZE), image=image, save=f"{name}.pt")
        found = {name: load_detections(bench.folder / f"{name}.pt") for name in NAMES}
        same = {other: agreement(found["fast"], found[other]) for other in NAMES if other != "fast"}
        alone = {n: sum(one["counts"]) - 2 * one["matched"] for n, one in same.items()}
        title = f"the same, detections in a {image}, fast against the others"
        note = ", ".join(f"{one['matched']} matched with {n}" for n, one in same.items())
        yield Row("inference", f"{title}: unmatched", max(alone.values()), 0, note=note)
        yield Row(
            "inference",
            f"{title}: largest difference",
            max(max(one["box"], one["score"]) for one in same.values()),
            1e-3,
            note="; ".join(
                f"{n}: box {one['box']:.0e} pixels, score {one['score']:.0e}, mask "
                f"{one['mask']:.0e}"
                for n, one in same.items()
            ),
            samples=same,
        )


def sac(bench: Bench, _: Plan) -> Iterator[Row]:
    """One deformable SAC layer over two plain convolutions of its size."""
    make_weights(bench, "detectors-htc-r50", SIZE)
    for channels in SAC_LAYERS:
        height, width = (side * 16 // channels for side in SIZE)
        request = {"case": "sac", "channels": channels, "height": height, "width": width}
        answers, _ = bench.rounds({n: (n, request) for n in NAMES})
        title = f"SAC, {channels} channels at {height}x{width}, over two convolutions"
        plain = {n: column(answers[n], "two convolutions") for n in NAMES}
        others = ", ".join(
            f"{ratio(column(answers[n], 'layer'), plain[n]).median:.2f} {n}" for n in NAMES[:2]
        )
        layer = ratio(column(answers["fast"], "layer"), plain["fast"])
        is_folded = all("folded" in answer for answer in answers["fast"])
        folded = column(answers["fast"], "folded") if is_folded else None
        yield Row(
            "sac",
            f"{title}: {'folded' if folded else 'not folded'}",
            layer if folded is None else ratio(folded, plain["fast"]),
            2.0,
            note=f"{others}, {layer.median:.2f} fast, not folded",
            samples=answers,
        )


def family(bench: Bench, plan: Plan) -> Iterator[Row]:
    """HTC, with RFP, with SAC, with both: fast; network and post-processing apart."""
    models, size = plan.models, plan.size
    answers: dict[str, list[Answer]] = {model: [] for model in models}
    for model in models:
        make_weights(bench, model, size)
    # Model by model, since a worker keeps one; the order turns within each round.
    for turn in range(bench.repetitions):
        first = turn % len(models)
        for model in models[first:] + models[:first]:
            bench.ask("fast", **detect_request(model, size))
            answers[model].append(bench.ask("fast", **detect_request(model, size)))
    base = models[0]
    work = {model: sum(multiply_adds(preset(model), *size).values()) for model in models}
    for model in models:
        network = column(answers[model], "network")
        after = [
            a + b
            for a, b in zip(
                column(answers[model], "suppression"), column(answers[model], "paste"), strict=True
            )
        ]
        factor = work[model] / work[base]
        yield Row(
            "family",
            f"`{model}` over `{base}`, fast: network",
            ratio(network, column(answers[base], "network")),
            None if model == base else factor * 1.1,
            note=f"{shown(network)}, and {median(after):.2f} s of suppression, paste and codes;"
            f" {factor:.2f} times the multiply-adds",
            samples={"answers": answers[model], "multiply-adds": work[model]},
        )


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


def growing(bench: Bench, plan: Plan) -> Iterator[Row]:
    """Time against pixels, objects and batch, and a picture of it."""
    model = "detectors-htc-tiny"
    make_weights(bench, model, (512, 512))
    sides = (256, 512, 1024) if plan.quick else (256, 512, 1024, 1536, 2048)
    counts = (1, 10, 100, 1000) if plan.quick else (1, 3, 10, 30, 100, 300, 1000)
    many = {
        "rpn__test_proposals": 2000,
        "rpn__test_candidates": 2000,
        "cascade__nms_iou": 1.0,  # suppresses nothing, so that there are as many as are asked for
        "cascade__score_threshold": 0.0,
    }
    asked: dict[str, tuple[Sequence[int], Callable[[int], dict[str, Any]]]] = {
        "pixels": (sides, lambda side: detect_request(model, (side, side))),
        "objects": (
            counts,
            lambda n: {**detect_request(model, (512, 512)), "changes": many, "max_detections": n},
        ),
        "batch": ((1, 2, 4, 8), lambda n: {**detect_request(model, (256, 256)), "batch": n}),
    }
    curves = []
    for what, (sizes, request) in asked.items():
        answers, _ = bench.rounds({str(n): ("fast", request(n)) for n in sizes})
        seconds = [median(one["seconds"] + one["paste"] for one in answers[str(n)]) for n in sizes]
        given = [n**2 for n in sizes] if what == "pixels" else list(sizes)
        found = growth(given, seconds)
        curves.append(Curve(f"{what}: exponent {found.overall:.2f}", given, seconds))
        yield Row(
            "growth",
            f"time against {what}, {given[0]:,} to {given[-1]:,}: exponent",
            found.worst,
            LINEAR,
            note=f"{found.overall:.2f} over all, {found.at_the_end:.2f} between the last two; "
            f"{seconds[0]:.2f} to {seconds[-1]:.2f} s (`{model}`)",
            samples=answers,
        )
    write_text(plan.svg, growth_svg(curves))


GROUPS: dict[str, Callable[[Bench, Plan], Iterator[Row]]] = {
    "inference": inference,
    "sac": sac,
    "family": family,
    "training": training,
    "masks": masks,
    "memory": memory,
    "start": start,
    "loading": loading,
    "growth": growing,
    "gpu": gpu,
}
