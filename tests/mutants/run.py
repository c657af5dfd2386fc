"""Run the tests of a module against mutants of it: ``python -m tests.mutants.run MODULE...``.

Each mutant is tried in a process that is forked after PyTorch and pytest were imported, and
before anything of relook was. What survives is listed; `docs/mutants.md` says why.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import torch

from .mutate import Mutant, mutants

ROOT: Final = Path(__file__).parents[2]
_MOST: Final = 90  # seconds of the processor for one mutant
_WAITS: Final = 900.0  # seconds in all, on a busy machine
_IMPORTED: Final = (
    *("pytest", "hypothesis", "numpy", "cv2", "torchvision", "torchvision.ops", "pydantic"),
    *("pycocotools.mask", "PIL.Image", "scipy.optimize", "hypothesis.strategies", "safetensors"),
)
_ELSEWHERE: Final = {  # tests of a module besides those at its mirrored place
    "ops/cpu/deformable.py": ("ops/test_deformable.py",),
    "ops/convention.py": ("ops/test_boxes.py",),
    "ops/roi_align.py": ("ops/test_convention.py",),
    "ops/masks.py": ("ops/test_convention.py",),
    "models/cascades/steps.py": ("models/cascades/test_htc.py",),
    "models/cascades/guidance.py": ("models/cascades/test_dsc.py",),
}


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from other source than its file has."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def create_module(self, _: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def tests_of(path: str) -> list[str]:
    """The test files of a module, as paths below tests/."""
    folder, _, name = path.rpartition("/")
    found = [f"{folder}/test_{name}", f"{folder}/test_{folder.rpartition('/')[2]}_{name}"]
    return [t for t in (*found, *_ELSEWHERE.get(path, ())) if (ROOT / "tests" / t).is_file()]


def verdict(path: str, mutant: Mutant | None) -> str:
    """`killed`, `survived` or `timed out`, by the tests of `path` in a process of their own."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (_MOST, _MOST + 5))
        os._exit(_tested(path, mutant))
    end = time.monotonic() + _WAITS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return {0: "survived", -signal.SIGXCPU: "timed out"}.get(code, "killed")
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timed out"


def _tested(path: str, mutant: Mutant | None) -> int:
    import hypothesis
    import pytest

    fewer = {"max_examples": 20, "derandomize": True, "deadline": None}
    hypothesis.settings.register_profile("mutants", **fewer)
    hypothesis.settings.load_profile("mutants")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    if mutant is not None:
        name = "relook." + path.removesuffix(".py").replace("/", ".")
        source = ROOT / "src" / "relook" / path
        sys.meta_path.insert(0, _Mutated(name, source, mutant.source))
    files = [str(ROOT / "tests" / test) for test in tests_of(path)]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    # The fixtures of all tests import what trains; these tests need none of them.
    options += ["--confcutdir", str(ROOT / "tests" / path.rpartition("/")[0])]
    return int(pytest.main([*options, *files]))


def _sampled(path: str, most: int, seed: int) -> list[Mutant]:
    found = list(mutants((ROOT / "src" / "relook" / path).read_text()))
    chosen = random.Random(f"{seed} {path}").sample(found, min(most, len(found)))
    return sorted(chosen, key=lambda mutant: mutant.line)


def main() -> int:
    """Read the options, try the mutants; 1 if one survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="below src/relook, such as ops/boxes.py")
    parser.add_argument("--budget", type=float, default=3600, help="seconds in all")
    parser.add_argument("--most", type=int, default=10**6, help="mutants of a module, drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--out", type=Path, help="json with every mutant and its verdict")
    options = parser.parse_args()
    for package in _IMPORTED:
        importlib.import_module(package)
    torch.set_num_threads(1)
    paths = options.modules or [
        path.relative_to(ROOT / "src" / "relook").as_posix()
        for folder in ("ops", "models/cascades")
        for path in sorted((ROOT / "src" / "relook" / folder).rglob("*.py"))
    ]
    end, results, survived = time.monotonic() + options.budget, [], 0
    for path in paths:
        if not tests_of(path):
            continue
        if verdict(path, None) != "survived":
            sys.stdout.write(f"{path}: its tests fail without a mutant\n")
            continue
        counts = {"killed": 0, "survived": 0, "timed out": 0}
        for mutant in _sampled(path, options.most, options.seed):
            if time.monotonic() > end:
                break
            found = verdict(path, mutant)
            counts[found] += 1
            results.append((path, mutant.line, mutant.change, found))
            if found == "survived":
                sys.stdout.write(f"  {path}:{mutant.line}: {mutant.change}\n")
                sys.stdout.flush()
        survived += counts["survived"]
        words = ", ".join(f"{number} {word}" for word, number in counts.items())
        sys.stdout.write(f"{path}: {sum(counts.values())} mutants: {words}\n")
        sys.stdout.flush()
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
