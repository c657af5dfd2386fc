"""Groups of rows about detecting: one image, one layer, the family of models, growth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from relook.analysis.complexity import multiply_adds
from relook.config.presets import preset
from relook.runtime.files import write_text

from .cases import load_detections
from .contender import NAMES
from .coordinator import Answer, Bench, column
from .numbers import agreement, floor_seconds, growth, ratio, spread
from .operations import SAC_STAGES
from .plan import SIZE, Plan, detect_request, make_weights, shown
from .plot import Curve, growth_svg
from .report import Row

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
        is_empty = not any(sum(one["counts"]) for one in same.values())  # then it shows nothing
        most = None if is_empty else 0
        yield Row("inference", f"{title}: unmatched", max(alone.values()), most, note=note)
        yield Row(
            "inference",
            f"{title}: largest difference",
            max(max(one["box"], one["score"]) for one in same.values()),
            None if is_empty else 1e-3,
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
    for channels in SAC_STAGES:
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
    yield from over_the_first(bench, plan, "family", plan.models)


def shapes(bench: Bench, plan: Plan) -> Iterator[Row]:
    """HTC, Fast DSC, DSC: the same."""
    yield from over_the_first(bench, plan, "shapes", plan.guided)


def over_the_first(bench: Bench, plan: Plan, group: str, models: Sequence[str]) -> Iterator[Row]:
    """Each model over the first, against the ratio of their multiply-adds."""
    size = plan.size
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
            group,
            f"`{model}` over `{base}`, fast: network",
            ratio(network, column(answers[base], "network")),
            None if model == base else factor * 1.1,
            note=f"{shown(network)}, and {median(after):.2f} s of suppression, paste and codes;"
            f" {factor:.2f} times the multiply-adds",
            samples={"answers": answers[model], "multiply-adds": work[model]},
        )


def growing(bench: Bench, plan: Plan) -> Iterator[Row]:
    """Time against pixels, objects and batch, and a picture of it."""
    model = "detectors-htc-tiny"
    make_weights(bench, model, (512, 512))
    sides = (256, 512, 1024) if plan.quick else (256, 512, 1024, 1536, 2048)
    counts = (1, 10, 100, 1000) if plan.quick else (1, 3, 10, 30, 100, 300, 1000)
    many = {
        "rpn__test__proposals": 2000,
        "rpn__test__candidates": 2000,
        "cascade__select__nms_iou": 1.0,  # suppresses nothing: there are as many as are asked for
        "cascade__select__score_threshold": 0.0,
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
