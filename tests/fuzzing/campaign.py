"""Attack readers with mutated inputs: ``python -m tests.fuzzing.campaign --budget SECONDS``.

Inputs are read in child processes with bounds of time and memory. What must not happen is written
as a file into ``corpus/READER``, which ``make test`` replays; one file for each kind and place.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, Final

import cv2
import torch

from .mutation import of_bytes
from .outcome import Find, bounded, timed
from .readers import READERS, Reader, beside

CORPUS: Final = Path(__file__).parent / "corpus"
_STUCK: Final = 60.0  # seconds of the processor for one input, after which a child is ended
_WAITS: Final = 900.0  # seconds in all, on a busy machine
_SLICE: Final = 12.0  # seconds of one reader, before the next one has its turn


def mutated(reader: Reader, seed: bytes, chance: random.Random) -> bytes:
    """`seed` after one to three mutations."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        try:
            seed = chance.choice((*reader.mutations * 2, of_bytes))(seed, chance)
        except (ArithmeticError, RecursionError, ValueError):  # of values that it has already
            seed = of_bytes(seed, chance)
    return seed


def attack(name: str, number: int, seconds: float, counter: Any, finds: Any, home: Path) -> None:
    """Read inputs of one reader until `seconds` have passed; each is `home`/input first."""
    reader, chance = READERS[name], random.Random(f"{name} {number}")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # complaints of decoders
    beside(home)
    path, seeds, end = home / f"input{reader.suffix}", reader.seeds(), time.monotonic() + seconds
    known = set()
    with bounded():
        for seed in seeds:
            path.write_bytes(seed)
            timed(reader, path, home)
        while time.monotonic() < end and seeds:
            data = mutated(reader, chance.choice(seeds), chance)
            path.write_bytes(data)
            (home / "last").write_bytes(data)
            counter.value += 1
            found = timed(reader, path, home)
            if found is not None and found[:2] not in known:
                known.add(found[:2])
                finds.put((*found, data))


def _attacked(*arguments: Any) -> None:
    try:
        attack(*arguments)
    except Exception:  # a mistake of the attack itself
        _say(traceback.format_exc())
        raise


def run(names: list[str], budget: float, start: int, out: Path) -> int:
    """Attack `names` in turn for `budget` seconds; print counts, return the number of finds."""
    counts: collections.Counter[str] = collections.Counter()
    seen: dict[tuple[str, str, str], str] = {}
    end, number = time.monotonic() + budget, start
    slice_ = min(_SLICE, max(1.0, budget / len(names)))
    with contextlib.suppress(KeyboardInterrupt):  # counts are told all the same
        while time.monotonic() < end:
            for name in names:
                left = end - time.monotonic()
                if left <= 0:
                    break
                counts[name] += _turn(name, number, min(slice_, left), seen, out)
            number += 1
    budget -= max(0.0, end - time.monotonic())
    for name in names:
        _say(f"{name:20} {counts[name]:9,} inputs")
    _say(f"{'in all':20} {counts.total():9,} inputs, {len(seen)} finds, {budget:.0f} s")
    for (name, kind, place), file in seen.items():
        _say(f"  {name}: {kind} at {place}: {file}")
    return len(seen)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _turn(name: str, number: int, seconds: float, seen: dict[Any, str], out: Path) -> int:
    context = multiprocessing.get_context("fork")
    counter, finds = context.Value("Q", 0, lock=False), context.SimpleQueue()
    home = Path(tempfile.mkdtemp(prefix="relook-fuzz-"))
    child = context.Process(target=_attacked, args=(name, number, seconds, counter, finds, home))
    child.start()
    before, since, used = -1, time.monotonic(), 0.0
    while child.is_alive():
        child.join(0.5)
        if counter.value != before:
            before, since, used = counter.value, time.monotonic(), _processor_time(child.pid)
        spent = _processor_time(child.pid) - used
        if spent > _STUCK or time.monotonic() - since > _WAITS:
            child.kill()
        while not finds.empty():
            *found, data = finds.get()
            _keep(name, Find(*found), data, seen, out)
    while not finds.empty():
        *found, data = finds.get()
        _keep(name, Find(*found), data, seen, out)
    if child.exitcode:
        last = home / "last"
        data = last.read_bytes() if last.is_file() else b""
        _keep(name, Find("ended", str(child.exitcode), "the process ended"), data, seen, out)
    shutil.rmtree(home, ignore_errors=True)
    return int(counter.value)


def _processor_time(process: int | None) -> float:
    """Seconds of the processor that a process has used; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _keep(name: str, found: Find, data: bytes, seen: dict[Any, str], out: Path) -> None:
    key = name, found.kind, found.place
    if key in seen:
        return
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(data).hexdigest()[:8]
    file = folder / f"{found.kind.lower()}-{digest}{READERS[name].suffix}"
    file.write_bytes(data)
    seen[key] = file.name
    _say(f"{name}: {found.kind} at {found.place}: {file}\n{found.text[-1500:]}")


def main() -> int:
    """Read the options, attack; 1 if there was a find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=60, help="seconds in all")
    parser.add_argument("--readers", default="", help=f"of {', '.join(READERS)}; all by default")
    parser.add_argument("--start", type=int, default=int(time.time()), help="of random numbers")
    parser.add_argument("--out", type=Path, default=CORPUS, help="where finds are written")
    options = parser.parse_args()
    names = [name.strip() for name in options.readers.split(",") if name.strip()] or list(READERS)
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f"no reader is called {', '.join(unknown)}; there are {', '.join(READERS)}")
    return 1 if run(names, options.budget, options.start, options.out) else 0


if __name__ == "__main__":
    sys.exit(main())
