"""Groups of rows, in order of worth. A row that fails says why, and the others go on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Final

import torch

import relook
from relook.data.coco.reader import read_coco
from relook.evaluation.run import evaluate_model
from relook.ops.cpu.switch import plain
from relook.structures.detection import Detections

from ..speed.numbers import agreement
from ..speed.profile import by_part
from ..speed.report import ROOT, Row
from .measure import PRECISIONS, Bench, kernels, precision, timed
from .subjects import Step, images, mask_rcnn, on_device, saved_bytes

MODEL, PLAINER, TINY = "detectors-htc-r50", "htc-r50", "detectors-htc-tiny"
NUCLEI = ROOT / "datasets/nuclei"
RATE, OVER_PEER = 40.0, 1.6  # images a second at batch 8; times Mask R-CNN's time for HTC

Measure = Callable[[], Row]
Tasks = Iterator[tuple[str, Measure]]


def models(bench: Bench) -> tuple[str, str]:
    """The two models of the report; their tiny kin where it is only tried."""
    return (TINY, "htc-tiny") if bench.is_small else (MODEL, PLAINER)


def correctness(bench: Bench) -> Tasks:
    """The tests for GPUs, detections beside those of the CPU, AP of a trained model."""
    yield "tests/test_gpu.py", _tests
    for model in models(bench):
        yield f"`{model}`: detections unlike those of the CPU", lambda m=model: _agreement(bench, m)
    yield "`nuclei` on its validation images: mask AP", lambda: _nuclei(bench)


def _tests() -> Row:
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_gpu.py", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = [line for line in run.stdout.splitlines() if line.strip()][-1:]
    return Row("correctness", "tests/test_gpu.py: exit code", run.returncode, 0, note="".join(last))


def _agreement(bench: Bench, model: str) -> Row:
    found = []
    for device in ("cpu", bench.device):
        with plain(), torch.inference_mode(), precision(bench, "float32"):
            network = on_device(bench, model).to(device)
            (one,) = network.detect(images(bench, model, 1).to(device))
            found.append(_on_cpu(one))
    same = agreement(found[1], found[0])
    alone = sum(same["counts"]) - 2 * same["matched"]
    note = f"{same['matched']} matched; box {same['box']:.0e} pixels, score {same['score']:.0e}"
    title = f"`{model}`, float32: detections without a match on the CPU"
    return Row("correctness", title, alone, 0, note=note, samples=same)


def _on_cpu(found: Detections) -> Detections:
    masks = found.mask_probabilities
    return replace(
        found,
        boxes=found.boxes.cpu(),
        scores=found.scores.cpu(),
        labels=found.labels.cpu(),
        mask_probabilities=None if masks is None else masks.cpu(),
    )


def _nuclei(bench: Bench) -> Row:
    predictor = relook.load("nuclei", device=bench.device)
    index = read_coco(NUCLEI / "annotations/instances_val.json", images=NUCLEI / "images")
    started = time.perf_counter()
    found = evaluate_model(predictor, index, limit=2 if bench.is_small else None)
    note = f"{time.perf_counter() - started:.0f} s with the default precision; the card says 0.549"
    score = found.metrics.mask.ap if found.metrics.mask else None
    return Row("correctness", "`nuclei`, validation images: mask AP", score, note=note)


def predict(bench: Bench) -> Tasks:
    """Images a second by batch and precision, beside Mask R-CNN; parts, kernels, a graph."""
    model, plainer = models(bench)
    for batch, name in product(bench.batches, PRECISIONS):
        yield f"batch {batch}, {name}", lambda b=batch, n=name: _detect(bench, model, b, n)
    for batch, name in product(bench.batches, ("tf32", "bfloat16")):
        yield f"peer, batch {batch}, {name}", lambda b=batch, n=name: _peer(bench, b, n)
        yield f"batch {batch}, {name}", lambda b=batch, n=name: _detect(bench, plainer, b, n)
    for name in ("tf32", "bfloat16"):
        yield (
            f"channels last, {name}",
            lambda n=name: _detect(bench, model, bench.batches[1], n, channels_last=True),
        )
    for one in (model, plainer):
        yield f"`{one}`: parts", lambda m=one: _parts(bench, m)
        yield f"`{one}`: kernels", lambda m=one: _kernels(bench, m)
    yield "graph", lambda: _graph(bench, model)


def _detect(bench: Bench, model: str, batch: int, name: str, *, channels_last: bool = False) -> Row:
    network, given = on_device(bench, model), images(bench, model, batch)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    with torch.inference_mode(), precision(bench, name):
        timing = timed(bench, lambda: network.detect(given))
    way = ", channels last" if channels_last else ""
    aim = RATE if (model, batch) == (MODEL, 8) and name == "bfloat16" and not way else None
    return Row(
        "predict", f"`{model}`, batch {batch}, {name}{way}", timing.rate(batch), aim, "images/s",
        _memory(timing.peak), at_least=True, samples=timing.samples,
    )  # fmt: skip


def _peer(bench: Bench, batch: int, name: str) -> Row:
    network = mask_rcnn(bench, batch)
    with torch.inference_mode(), precision(bench, name):
        timing = timed(bench, network)
    title = f"torchvision's Mask R-CNN R-50, batch {batch}, {name}"
    return Row("predict", title, timing.rate(batch), unit="images/s", note=_memory(timing.peak),
               samples=timing.samples)  # fmt: skip


def _parts(bench: Bench, model: str) -> Row:
    network, given = on_device(bench, model), images(bench, model, 1)
    with torch.inference_mode(), precision(bench, "tf32"):
        network.detect(given)
        parts = by_part(network, given, 3, wait=bench.wait)
    whole = sum(parts.values())
    shares = sorted(parts.items(), key=lambda part: -part[1])[:6]
    note = ", ".join(f"{part} {seconds / whole:.0%}" for part, seconds in shares)
    title = f"`{model}`, batch 1, tf32, each part waited for, with pasting"
    return Row("predict", title, whole, unit="s", note=note, samples=parts)


def _kernels(bench: Bench, model: str) -> Row:
    network, given = on_device(bench, model), images(bench, model, 1)
    with torch.inference_mode(), precision(bench, "tf32"):
        network.detect(given)
        seen = kernels(bench, lambda: network.detect(given))
    note = f"{seen.busy:.3f} s in them; {seen.copies} copies to the host"
    title = f"`{model}`, batch 1, tf32: kernels of a prediction"
    return Row("predict", title, seen.count, note=note, samples=seen.longest)


def _graph(bench: Bench, model: str) -> Row:
    """Features alone, as they are over replayed as a CUDA graph."""
    if bench.device != "cuda":
        return Row("predict", "features as a CUDA graph", None, note="needs a GPU")
    network, given = on_device(bench, model), images(bench, model, 1)
    with torch.inference_mode(), precision(bench, "tf32"):
        eager = timed(bench, lambda: network.features(given.pixels))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network.features(given.pixels)
        replayed = timed(bench, graph.replay)
    title = f"`{model}`, batch 1, tf32: features, eager over a CUDA graph"
    note = f"{eager.seconds.median:.4f} s eager, {replayed.seconds.median:.4f} s as a graph"
    return Row("predict", title, eager.seconds.median / replayed.seconds.median, note=note)


def training(bench: Bench) -> Tasks:
    """Seconds of a step, its kernels, and memory beside the arithmetic."""
    model, side = models(bench)[0], bench.side
    small, large = (1, 2) if bench.is_small else (2, 8)
    steps: list[tuple[str, int, int]] = [(TINY, 4, min(256, side)), (model, small, side)]
    for one, batch, pixels in [*steps, (model, large, side)]:
        for name in ("tf32", "bfloat16"):
            yield (
                f"`{one}`, {pixels}x{pixels}, batch {batch}, {name}",
                lambda m=one, b=batch, s=pixels, n=name: _step(bench, m, b, s, n),
            )
    for one, batch, pixels in steps:
        yield f"`{one}`: kernels", lambda m=one, b=batch, s=pixels: _step_kernels(bench, m, b, s)
        yield f"`{one}`: memory", lambda m=one, b=batch, s=pixels: _step_memory(bench, m, b, s)


def _step(bench: Bench, model: str, batch: int, side: int, name: str) -> Row:
    step = Step(bench, model, batch, side)
    with precision(bench, name):
        timing = timed(bench, step, warm=3)
    title = f"a step of `{model}`, {side}x{side}, batch {batch}, {name}"
    return Row("training", title, timing.seconds, unit="s", note=_memory(timing.peak),
               samples=timing.samples)  # fmt: skip


def _step_kernels(bench: Bench, model: str, batch: int, side: int) -> Row:
    step = Step(bench, model, batch, side)
    with precision(bench, "tf32"):
        step()
        seen = kernels(bench, step)
    note = f"{seen.busy:.3f} s in them; {seen.copies} copies to the host"
    title = f"a step of `{model}`, {side}x{side}, batch {batch}: kernels"
    return Row("training", title, seen.count, note=note, samples=seen.longest)


def _step_memory(bench: Bench, model: str, batch: int, side: int) -> Row:
    """Peak memory over what the arithmetic says: weights, gradients, momentum, kept tensors."""
    step = Step(bench, model, batch, side)
    with precision(bench, "tf32"):
        step()
        step.optimizer.zero_grad()
        kept = saved_bytes(step.losses, list(step.network.parameters()))
        peak = timed(bench, step, warm=0, most=3).peak
    held = sum(p.nbytes for p in step.network.parameters())
    held += 2 * sum(p.nbytes for p in step.trained)  # gradients and momentum
    note = f"weights, gradients, momentum {held / 1e6:.0f} MB, kept tensors {kept / 1e6:.0f} MB"
    title = f"a step of `{model}`, {side}x{side}, batch {batch}, tf32: peak over the arithmetic"
    over = None if peak is None else peak * 1e6 / (held + kept)
    return Row("training", title, over, note=note if peak is None else f"{note}; {peak:.0f} MB")


def processes(bench: Bench) -> Tasks:
    """One process of inference on the card, and two at once."""
    for count in (1, 2):
        yield f"{count} processes", lambda n=count: _at_once(bench, n)


def _at_once(bench: Bench, count: int) -> Row:
    model = models(bench)[1]
    on_device(bench, model)  # its weights are settled before the processes start
    command = [sys.executable, "-m", "benchmarks.gpu", "--loop", model, "--folder", bench.folder]
    command += ["--dry-run"] if bench.is_small else []
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    answers = [process.communicate()[0] for process in running]
    rates = [float(answer.split()[-1]) for answer in answers]
    title = f"`{model}`, batch 1, tf32, {count} process{'es' * (count > 1)} at once"
    return Row("processes", title, sum(rates), unit="images/s", samples=rates)


def loop(bench: Bench, model: str) -> float:
    """Images a second of detecting one after the other, for twice the time of a row."""
    network, given = on_device(bench, model), images(bench, model, 1)
    with torch.inference_mode(), precision(bench, "tf32"):
        for _ in range(2):
            network.detect(given)
        bench.wait()
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < 2 * bench.seconds:
            network.detect(given)
            bench.wait()
            count += 1
    return count / (time.perf_counter() - started)


def compiled(bench: Bench) -> Tasks:
    """Backbone and pyramid through torch.compile, which takes a minute or more to begin with."""
    model = models(bench)[0]
    for batch, name in product(bench.batches, ("tf32", "bfloat16")):
        yield (
            f"compiled, batch {batch}, {name}",
            lambda b=batch, n=name: _compiled(bench, model, b, n),
        )


def _compiled(bench: Bench, model: str, batch: int, name: str) -> Row:
    network: Any = on_device(bench, model)
    given = images(bench, model, batch)
    network.features = torch.compile(network.features, dynamic=False)
    with torch.inference_mode(), precision(bench, name):
        started = time.perf_counter()
        network.detect(given)
        bench.wait()
        first = time.perf_counter() - started
        timing = timed(bench, lambda: network.detect(given))
    note = f"{first:.0f} s for the first; {_memory(timing.peak)}"
    title = f"`{model}`, batch {batch}, {name}, features compiled"
    return Row("compiled", title, timing.rate(batch), unit="images/s", note=note,
               samples=timing.samples)  # fmt: skip


def _memory(peak: float | None) -> str:
    return "" if peak is None else f"{peak:.0f} MB at most"


GROUPS: Final[Mapping[str, tuple[Callable[[Bench], Tasks], float]]] = {
    "correctness": (correctness, 0.2),
    "predict": (predict, 0.3),
    "training": (training, 0.2),
    "processes": (processes, 0.1),
    "compiled": (compiled, 0.2),
}
"""Groups by name, and the share of the time that each may take."""


def against_peer(rows: list[Row]) -> list[Row]:
    """HTC's time over Mask R-CNN's, of equal batch and precision."""
    rates = {row.what: row for row in rows if row.group == "predict" and row.value}
    found = []
    for what, row in rates.items():
        start = f"`{PLAINER}`, "
        peer = rates.get(f"torchvision's Mask R-CNN R-50, {what.removeprefix(start)}")
        if what.startswith(start) and peer is not None and peer.value and row.value:
            title = f"{what}: time over Mask R-CNN's"
            found.append(Row("predict", title, peer.value / row.value, OVER_PEER))
    return found
