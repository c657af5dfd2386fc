"""Backbone and pyramid by plain PyTorch, by its own faster ways, by relook; and layers by shape.

Run `python benchmarks/contenders.py --rounds 3` in the root of the repository. All contenders are
in one process of one thread and take turns; CPU time is compared, which hardly changes where other
programs share the machine. Weights are random. PyTorch's ways are `torch.jit.freeze` with
`optimize_for_inference`, and `torch.compile` with frozen weights, for one size of the image. The
second table is of a whole image by relook: its convolutions and products by shape, and their rate
beside the fastest product of large matrices. `ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
MKL_ENABLE_INSTRUCTIONS=AVX2` before the command stand in for a processor without AVX-512.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from ending import errors_in_words
from speed.loads import image_batch
from torch import Tensor, nn

from relook.api import build
from relook.config.presets import preset
from relook.models.detector import Detector
from relook.models.folding import fold
from relook.ops.cpu import onednn, winograd
from relook.ops.cpu.switch import plain
from relook.runtime.files import write_text
from relook.runtime.memory import keep_freed
from relook.structures.detection import ImageBatch
from relook.training.run_folder import environment

LARGE = 2048  # side of the matrices of the fastest product
SHAPES = 14  # rows of the table of shapes


class Frozen(nn.Module):
    """The plain features of a detector as a tuple, which can be traced."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Pixels (B, 3, H, W) to P2..P6."""
        return tuple(self.features(pixels))


class Listed(nn.Module):
    """Made features, with a list as a result and pixels in the order that they were made for."""

    def __init__(self, made: Callable[[Tensor], Sequence[Tensor]]) -> None:
        super().__init__()
        self.made = made

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Pixels (B, 3, H, W) to P2..P6."""
        return list(self.made(pixels.contiguous(memory_format=torch.channels_last)))


def frozen(detector: Detector, pixels: Tensor) -> nn.Module:
    """The features by `torch.jit`: traced, frozen and optimised."""
    module = Frozen(detector.features).eval()
    traced = torch.jit.trace(module, pixels, check_trace=False)
    return Listed(torch.jit.optimize_for_inference(torch.jit.freeze(traced)))


def compiled(detector: Detector, pixels: Tensor) -> nn.Module:
    """The features by `torch.compile`, with frozen weights."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    made = torch.compile(Frozen(detector.features).eval())
    made(pixels)
    return Listed(made)


def contenders(
    name: str, images: ImageBatch
) -> tuple[dict[str, Callable[[], object]], dict[str, str], Detector]:
    """What is timed by its name, what could not be made and why, and relook's folded detector."""
    torch.manual_seed(0)
    detector = build(name).eval()
    folded = fold(detector)
    pixels = images.pixels.contiguous(memory_format=torch.channels_last)

    def eager() -> object:
        with plain():
            return detector.features(pixels)

    ways: dict[str, Callable[[], object]] = {"PyTorch, eager": eager}
    failed = {}
    makers = {"torch.jit.freeze": frozen, "torch.compile": compiled}
    for way, make in makers.items():
        try:
            with plain():
                made = make(detector, pixels)
                made(pixels)
        except Exception as error:  # noqa: BLE001 - of a compiler or a tracer, of many kinds
            failed[way] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:90]}"
            continue

        def run(made: nn.Module = made) -> object:
            with plain():
                return made(pixels)

        ways[way] = run
    ways["relook"] = lambda: folded.features(pixels)
    return ways, failed, folded


def timed(
    ways: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Median CPU seconds, the least, and the median ratio to the first of `ways`."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way()
    for number in range(rounds):
        order = list(ways) if number % 2 else list(reversed(ways))
        for way in order:
            start = time.process_time()
            ways[way]()
            times[way].append(time.process_time() - start)
    first = next(iter(times.values()))
    return {
        way: (
            statistics.median(own),
            min(own),
            statistics.median(a / b for a, b in zip(own, first, strict=True)),
        )
        for way, own in times.items()
    }


def fastest_rate() -> float:
    """Multiply-adds a second of the fastest product of large matrices, of five."""
    a, b = torch.randn(LARGE, LARGE), torch.randn(LARGE, LARGE)
    packed = onednn.pack_product(b) if onednn.is_available() else b
    seconds = []
    for _ in range(5):
        start = time.process_time()
        onednn.product(a, packed) if onednn.is_available() else a @ b.T
        seconds.append(time.process_time() - start)
    return LARGE**3 / min(seconds[1:])


@contextmanager
def watched(record: dict[str, list[tuple[float, float]]]) -> Iterator[None]:
    """Book seconds and multiply-adds of each convolution and product by its shape."""
    convolve, multiply, filtered = onednn.convolution, onednn.product, winograd.convolution

    def convolution(x: Tensor, weight: Tensor, *rest: Any, **more: Any) -> Tensor:
        start = time.process_time()
        out = convolve(x, weight, *rest, **more)
        seconds = time.process_time() - start
        taps, groups = weight.shape[2:], rest[4]
        work = out.numel() * x.shape[1] // groups * taps.numel()
        size = f"{'x'.join(map(str, taps))}, {x.shape[1]} to {out.shape[1]}"
        stride = f", stride {rest[1][0]}" if rest[1][0] > 1 else ""
        added = ", added" if more.get("add") is not None else ""
        where = _sides(out)
        record.setdefault(f"{size}, {where}{stride}{added}", []).append((seconds, work))
        return out

    def filtering(x: Tensor, weight: Tensor, *rest: Any, **more: Any) -> Tensor:
        start = time.process_time()
        out = filtered(x, weight, *rest, **more)
        seconds = time.process_time() - start
        shape = f"3x3, {x.shape[1]} to {out.shape[1]}, {_sides(out)}, filtered"
        record.setdefault(shape, []).append((seconds, out.numel() * x.shape[1] * 9))
        return out

    def product(x: Tensor, weight: Tensor, *rest: Any, **more: Any) -> Tensor:
        start = time.process_time()
        out = multiply(x, weight, *rest, **more)
        seconds = time.process_time() - start
        shape = f"product, {x.shape[1]} to {out.shape[1]}, {len(x)} rows"
        record.setdefault(shape, []).append((seconds, x.numel() * out.shape[1]))
        return out

    with ExitStack() as stack:
        ways = (
            (onednn, "convolution", convolution, convolve),
            (onednn, "product", product, multiply),
            (winograd, "convolution", filtering, filtered),
        )
        for module, name, new, old in ways:
            setattr(module, name, new)
            stack.callback(setattr, module, name, old)
        yield


def _sides(out: Tensor) -> str:
    """Text of the number of maps and their sides."""
    batch = f"{len(out)} x " if len(out) > 1 else ""
    return f"{batch}{out.shape[2]} x {out.shape[3]}"


def shapes(folded: Detector, images: ImageBatch, rate: float, runs: int) -> list[str]:
    """Rows of the table of shapes; `rate` is that of the fastest product."""
    all_runs: list[dict[str, list[tuple[float, float]]]] = []
    totals = []
    for _ in range(runs):
        record: dict[str, list[tuple[float, float]]] = {}
        start = time.process_time()
        with watched(record):
            folded.detect(images)
        totals.append(time.process_time() - start)
        all_runs.append(record)
    total = min(totals)
    sums = {
        shape: (
            len(calls),
            min(sum(s for s, _ in run.get(shape, calls)) for run in all_runs),
            sum(work for _, work in calls),
        )
        for shape, calls in all_runs[0].items()
    }
    rows = [
        "| layer | calls | s | share | of the fastest rate |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    for shape, (calls, seconds, work) in ordered[:SHAPES]:
        rows.append(_row(shape, calls, seconds, work, total, rate))
    rest = [entry for _, entry in ordered[SHAPES:]]
    columns = zip(*rest, strict=True) if rest else ((0,), (0.0,), (0.0,))
    rows.append(_row("other layers", *map(sum, columns), total, rate))
    inside = sum(seconds for _, seconds, _ in sums.values())
    work = sum(w for *_, w in sums.values())
    rows.append(_row("all layers", sum(c for c, *_ in sums.values()), inside, work, total, rate))
    rows.append(f"| all else | | {total - inside:.3f} | {1 - inside / total:.1%} | |")
    rows.append(
        f"\nThe fastest product: {rate / 1e9:.0f} G multiply-adds a second; floor"
        f" {work / rate:.2f} s; the image {total:.2f} s, {total * rate / work:.2f} of the floor."
    )
    return rows


def _row(shape: str, calls: int, seconds: float, work: float, total: float, rate: float) -> str:
    share, speed = seconds / total, work / max(seconds, 1e-9) / rate
    return f"| {shape} | {calls} | {seconds:.3f} | {share:.1%} | {speed:.2f} |"


def lines_of(name: str, size: Sequence[int], rounds: int, *, only_shapes: bool) -> Iterator[str]:
    """Both tables of one model, line by line."""
    height, width = size
    images = image_batch("photograph", height, width, 1, preset(name))
    with torch.no_grad():
        if only_shapes:
            torch.manual_seed(0)
            folded = fold(build(name).eval())
            folded.detect(images)
        else:
            ways, failed, folded = contenders(name, images)
            yield f"\n`{name}`, {height} x {width}, backbone and pyramid:\n"
            yield "| contender | CPU s | least | over eager |"
            yield "| --- | ---: | ---: | ---: |"
            for way, (middle, least, ratio) in timed(ways, rounds).items():
                yield f"| {way} | {middle:.2f} | {least:.2f} | {ratio:.2f} |"
            yield from (f"| {way} | - | - | {why} |" for way, why in failed.items())
        yield f"\n`{name}`, {height} x {width}, relook, by layer:\n"
        yield from shapes(folded, images, fastest_rate(), rounds)


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Measure, print and write; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="*", default=["cascade-r50", "htc-tiny"], help="presets")
    add("--sizes", nargs="*", type=int, default=[800, 1344, 512, 512], help="height and width each")
    add("--rounds", type=int, default=3)
    add("--shapes", action="store_true", help="the table of shapes only")
    add("--out", type=Path, help="file of the tables")
    arguments = parser.parse_args(given)
    torch.set_num_threads(1)
    keep_freed()
    lines = []
    for number, name in enumerate(arguments.models):
        size = arguments.sizes[2 * number : 2 * number + 2]
        for line in lines_of(name, size, arguments.rounds, only_shapes=arguments.shapes):
            print(line, flush=True)
            lines.append(line)
    where = {
        **environment(),
        "threads": 1,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "arguments": list(given),
    }
    lines.append(f"\nOn: {json.dumps(where)}")
    print(lines[-1])
    if arguments.out is not None:
        write_text(arguments.out, "\n".join(lines).lstrip() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
