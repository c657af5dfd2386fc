"""Put load on `relook serve`, kill it, start it again, stop it, and check every answer.

    python -m benchmarks.load --minutes 30      # make load MINUTES=30

Clients ask at the same time for images of mixed sizes whose results are known; a share of the
requests means harm. The queue is shorter than the number of images asked for, so that some get 429.
Then the server is killed under load and started again, and at last told to stop by SIGTERM.

Under load, memory goes up and down by hundreds of megabytes with the images of the moment. So the
clients rest now and then, and what the server holds while nothing is asked tells whether it grows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

import relook

from .clients import Clients, Tally
from .images import known_images
from .server import Served

RESULTS: Final = Path(__file__).parents[1] / "results" / "load.json"
MB: Final = 1e6
_SERIES: Final = ("memory", "memory_at_rest")  # not for the screen
_SAMPLES: Final = 200  # of memory, in all
_RESTS: Final = 30  # of the clients, in all
_SHORTEST: Final = 10.0  # seconds between two rests
_REST: Final = 1.0  # seconds after the last answer
_WARM: Final = 0.3  # share of the time after which memory is judged
_AFTER: Final = 0.1  # share of the time that is spent after the kill
_SLOPE: Final = 1.0  # MB a minute


def main(arguments: list[str] | None = None) -> int:
    """Run; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--hostile", type=float, default=0.05)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--batch", type=int, help="by default that of the server")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--largest", type=int, default=512, help="pixels of a side")
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="load") as folder:
        report = load(options, Path(folder))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for text in report["failures"][:20]:
        print(f"FAILED {text}", file=sys.stderr)
    shown = {key: value for key, value in report.items() if key not in _SERIES}
    print(json.dumps(shown, indent=2))
    return int(bool(report["failures"]))


def load(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Put load on a server; return what was measured, and what failed."""
    predictor = relook.load(options.model, device="cpu")
    known = known_images(predictor, options.images, options.seed, options.largest)
    limits = ["--queue", str(options.queue), "--max-mb", "4"]
    if options.batch is not None:
        limits += ["--batch", str(options.batch)]
    served = Served(str(options.model), limits, folder / "log.txt")
    clients = Clients(
        served.address, known, options.clients, options.hostile, seed=options.seed + 1
    )
    seconds = options.minutes * 60
    try:
        first = served.start()
        clients.start()
        memory, at_rest = _watch(served, clients, seconds * (1 - _AFTER))
        batches = {name: served.number(f"relook_batch_images_{name}") for name in ("sum", "count")}
        clients.may_be_lost.set()
        served.end(signal.SIGKILL)
        again = served.start()
        time.sleep(1)  # those who lost their connection come back
        clients.may_be_lost.clear()
        time.sleep(seconds * _AFTER)
        clients.may_be_lost.set()
        code, stopping = served.end(signal.SIGTERM)
    finally:
        clients.stop()
        served.close()
    slope = _slope(at_rest)
    wrong, broken = clients.tally.wrong, clients.tally.broken
    failures = [*wrong, *broken, *_failures(served.log(), code, slope, options.minutes)]
    return {
        "command": f"make load MINUTES={options.minutes:g}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "model": str(options.model),
        "clients": options.clients,
        "queue": options.queue,
        "batch": options.batch,
        "minutes": options.minutes,
        **_numbers(clients.tally, seconds),
        "images_a_batch": round(batches["sum"] / max(batches["count"], 1), 2),
        "memory_mb": round(at_rest[-1][1]),
        "memory_slope_mb_a_minute": round(slope, 3),
        "start_seconds": round(first, 1),
        "start_after_kill_seconds": round(again, 1),
        "stop_seconds": round(stopping, 1),
        "stop_exit_code": code,
        "memory": memory,
        "memory_at_rest": at_rest,
        "wrong": wrong,
        "broken": broken,
        "failures": failures,
    }


def _watch(
    served: Served, clients: Clients, seconds: float
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Seconds and resident megabytes of the server, under load and at rests, over so long."""
    began = time.monotonic()
    memory, at_rest = [], []
    every = max(seconds / _RESTS, min(_SHORTEST, seconds / 3))
    rest = every
    while (now := time.monotonic() - began) < seconds:
        memory.extend(_resident(served, began))
        if now >= rest:
            clients.pause()
            while served.number("relook_queue_images"):
                time.sleep(0.1)
            time.sleep(_REST)
            at_rest.extend(_resident(served, began))
            clients.go_on()
            rest = time.monotonic() - began + every
        time.sleep(max(seconds / _SAMPLES, 0.2))
    return memory, at_rest


def _resident(served: Served, began: float) -> list[tuple[float, float]]:
    """Seconds since `began` and resident megabytes; nothing where the server says nothing."""
    used = served.number("process_resident_memory_bytes")
    now = time.monotonic() - began
    return [(round(now, 1), round(used / MB, 1))] if used else []


def _slope(memory: Sequence[tuple[float, float]]) -> float:
    """Megabytes a minute, by least squares, after the server is warm."""
    warm = [pair for pair in memory if pair[0] >= _WARM * memory[-1][0]]
    times, used = np.array(warm, float).T
    return float(np.polyfit(times / 60, used, 1)[0]) if len(warm) > 2 else 0.0


def _numbers(tally: Tally, seconds: float) -> dict[str, Any]:
    times = sorted(tally.seconds) or [0.0]
    return {
        "requests": sum(tally.statuses.values()),
        "statuses": {str(status): number for status, number in sorted(tally.statuses.items())},
        "hostile": tally.attacks,
        "lost_at_kill_and_stop": tally.lost,
        "images": tally.images,
        "images_a_second": round(tally.images / seconds, 2),
        "median_seconds": round(statistics.median(times), 3),
        "p99_seconds": round(times[min(len(times) - 1, int(len(times) * 0.99))], 3),
    }


def _failures(log: str, code: int, slope: float, minutes: float) -> list[str]:
    found = []
    if "Traceback" in log:
        found.append(f"the log has a traceback: {log[log.index('Traceback') :][:1500]}")
    if code != 0:
        found.append(f"the server ended with {code} after SIGTERM")
    if minutes >= 5 and slope > _SLOPE:
        found.append(f"memory grows by {slope:.2f} MB a minute")
    return found


if __name__ == "__main__":
    sys.exit(main())
