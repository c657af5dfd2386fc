"""Timing on a device: precisions, median seconds, peak memory, kernels."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch.profiler import ProfilerActivity, profile

from ..speed.numbers import Spread, spread

PRECISIONS: Final = ("float32", "tf32", "bfloat16", "float16")
_AUTOCAST: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where, and how much, is measured. `is_small` is for trying the script without a GPU."""

    folder: Path  # of what processes share: settled weights
    device: str = "cuda"
    is_small: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images that are predicted."""
        return (96, 128) if self.is_small else (800, 1344)

    @property
    def side(self) -> int:
        """Side of the square images that are trained on, of about as many pixels."""
        return 96 if self.is_small else 1024

    @property
    def seconds(self) -> float:
        """Seconds for the repetitions of one row."""
        return 0.1 if self.is_small else 3.0

    @property
    def batches(self) -> tuple[int, int]:
        """Images at once: one, and several."""
        return (1, 2) if self.is_small else (1, 8)

    def wait(self) -> None:
        """Wait for what the device has been given."""
        if self.device == "cuda":
            torch.cuda.synchronize()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each repetition, and the peak of the device's memory during them."""

    samples: list[float]
    peak: float | None  # MB that PyTorch held for tensors; None on a CPU

    @property
    def seconds(self) -> Spread:
        """Median and quartiles."""
        return spread(self.samples)

    def rate(self, count: int) -> Spread:
        """`count` things a second."""
        return spread([count / seconds for seconds in self.samples])


@contextlib.contextmanager
def precision(bench: Bench, name: str) -> Iterator[None]:
    """float32, tf32 (float32 whose products may round), or autocast to one of 16 bits."""
    old = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    rounds = name != "float32"
    torch.set_float32_matmul_precision("high" if rounds else "highest")
    torch.backends.cudnn.allow_tf32 = rounds
    try:
        with torch.autocast(bench.device, _AUTOCAST.get(name), enabled=name in _AUTOCAST):
            yield
    finally:
        torch.set_float32_matmul_precision(old[0])
        torch.backends.cudnn.allow_tf32 = old[1]


def timed(bench: Bench, run: Callable[[], Any], *, warm: int = 2, most: int = 40) -> Timing:
    """Repeat `run` for `bench.seconds`, three times at least, after `warm` uncounted runs."""
    for _ in range(warm):
        run()
    bench.wait()
    if bench.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    samples: list[float] = []
    until = time.monotonic() + bench.seconds
    while len(samples) < 3 or (time.monotonic() < until and len(samples) < most):
        started = time.perf_counter()
        run()
        bench.wait()
        samples.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated() / 1e6 if bench.device == "cuda" else None
    return Timing(samples, peak)


@dataclass(frozen=True, slots=True)
class Kernels:
    """What one run gives the device; on a CPU, the operators of PyTorch."""

    count: int
    busy: float  # seconds in them
    copies: int  # to the host, each of which waits
    longest: list[tuple[str, float, int]]  # name, seconds, calls


def kernels(bench: Bench, run: Callable[[], Any], listed: int = 12) -> Kernels:
    """Count the kernels of one run."""
    activities = [ProfilerActivity.CPU]
    if bench.device == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        run()
        bench.wait()
    events = profiler.key_averages()
    if bench.device == "cuda":
        found = [
            (event.key, event.self_device_time_total / 1e6, event.count)
            for event in events
            if event.device_type == torch.autograd.DeviceType.CUDA
        ]
        copies = sum(count for name, _, count in found if "DtoH" in name)
    else:
        found = [(event.key, event.self_cpu_time_total / 1e6, event.count) for event in events]
        copies = sum(count for name, _, count in found if name == "aten::_local_scalar_dense")
    found.sort(key=lambda row: -row[1])
    busy = sum(seconds for _, seconds, _ in found)
    return Kernels(sum(count for *_, count in found), busy, copies, found[:listed])
