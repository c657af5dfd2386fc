"""Workers, and rounds in which they take turns: what disturbs the machine disturbs them all."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from relook.errors import RelookError

from .contender import NAMES, Name

ROOT = Path(__file__).resolve().parents[2]
BASELINE = "12d11e2"  # relook as it was when its first issue closed

Answer = dict[str, Any]


class Worker:
    """A process that measures for one contender and rests until it is asked."""

    def __init__(self, name: str, source: Path, folder: Path, threads: int) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.speed.worker", name, str(folder), str(threads)]
        environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            check_tree(name, source, Path(self.ask("about")["file"]))
        except RelookError:
            self.close()
            raise

    def ask(self, case: str, **request: Any) -> Answer:
        """The answer to one request.

        Raises:
            RelookError: R01 when the process ended or the case failed.
        """
        send, receive = self._process.stdin, self._process.stdout
        assert send is not None and receive is not None
        line = ""
        with contextlib.suppress(BrokenPipeError, ValueError):  # of a process that has ended
            send.write(json.dumps({"case": case, **request}) + "\n")
            send.flush()
            line = receive.readline()
        if not line:
            raise RelookError(
                "R01", f"{self.name} ended while measuring {case}; its last words are above."
            )
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise RelookError("R01", f"{self.name} failed at {case} {request}:\n{answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


class Bench:
    """The contenders of one run, in `folder`, each on the first `threads` cores.

    One long-lived worker a contender answers in turns; `measure_memory` starts a fresh one.
    """

    def __init__(self, folder: Path, threads: int, repetitions: int, rival: str = BASELINE) -> None:
        self.folder, self.threads, self.repetitions = folder, threads, repetitions
        self.sources: dict[str, Path] = dict.fromkeys(NAMES, ROOT / "src")
        self.sources["baseline"] = extract(rival, folder / "baseline")
        self.weights: dict[str, Answer] = {}  # what calibrating each model said
        self._workers: dict[str, Worker] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.close()

    def worker(self, name: Name) -> Worker:
        """The long-lived worker of a contender."""
        if name not in self._workers:
            self._workers[name] = self._start(name)
        return self._workers[name]

    def ask(self, name: Name, case: str, **request: Any) -> Answer:
        """The answer of the long-lived worker of `name`."""
        started = time.perf_counter()
        answer = self.worker(name).ask(case, **request)
        print(f"  {name} {case} {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
        return answer

    def rounds(
        self,
        requests: Mapping[str, tuple[Name, Mapping[str, Any]]],
        *,
        rates: bool = False,
        warm: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, list[Answer]], list[Answer]]:
        """Answers by the names of the requests, one a round, and the rates measured between.

        Every request is asked once before, with the arguments of `warm` besides, and that answer
        is dropped. Who begins changes from round to round.
        """
        for who, request in requests.values():
            self.ask(who, **request, **(warm or {}))
        names = list(requests)
        answers: dict[str, list[Answer]] = {name: [] for name in names}
        measured = []
        for turn in range(self.repetitions):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                if rates:
                    measured.append(self.ask("plain", "rate"))
                who, request = requests[name]
                answers[name].append(self.ask(who, **request))
        return answers, measured

    def measure_memory(self, name: Name, case: str, **request: Any) -> Answer:
        """The answer of a fresh process, with the peak of its memory in bytes besides.

        ``extra`` is that peak above what the process had after its imports and above the
        weights, which counts everything else: gradients, activations, what folding adds. The
        detector is made before.
        """
        with self._fresh(name) as worker:
            if "model" in request:
                purpose = "train" if case == "train" else "detect"
                worker.ask("prepare", model=request["model"], purpose=purpose)
            answer = worker.ask(case, memory=True, **request)
        memory = answer.pop("memory", None)
        if memory is not None:
            answer |= memory
            answer["extra"] = memory["peak"] - memory["imported"] - memory["weights"]
        return answer

    def forget(self) -> None:
        """Let all workers drop their detectors."""
        for worker in self._workers.values():
            worker.ask("forget")

    @contextlib.contextmanager
    def _fresh(self, name: Name) -> Iterator[Worker]:
        worker = self._start(name)
        try:
            yield worker
        finally:
            worker.close()

    def _start(self, name: Name) -> Worker:
        return Worker(name, self.sources[name], self.folder, self.threads)


def check_tree(name: str, source: Path, imported: Path) -> None:
    """Nothing, if what `name` imported lies in `source`.

    Raises:
        RelookError: R01 if it does not.
    """
    if not imported.is_relative_to(source):
        raise RelookError("R01", f"{name} was to measure {source} and imported {imported}.")


def extract(commit: str, place: Path) -> Path:
    """The ``src`` folder of `commit`, unpacked in `place`.

    Raises:
        RelookError: R01 where git does not have that commit.
    """
    command = ["git", "archive", commit, "src"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if result.returncode:
        raise RelookError(
            "R01",
            f"the baseline {commit} is not there: {result.stderr.decode().strip()}. The benchmark "
            "needs a clone of the repository with its history.",
        )
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        archive.extractall(place, filter="data")
    return place / "src"


def column(answers: Sequence[Answer], name: str = "seconds") -> list[float]:
    """One number of each answer."""
    return [float(answer[name]) for answer in answers]
