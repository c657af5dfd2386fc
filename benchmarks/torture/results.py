"""What a command leaves, in a form in which an interrupted one must equal an undisturbed one."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

_TIMES = {"seconds_per_step"}
_LEFT_OUT = re.compile(
    r"(env|data|plan|trained|seeds)\.json|.*\.(yaml|html|svg|md|csv|ckpt|txt|npz)"
)
"""Files with times, paths or pictures of them; states are compared by `_state`."""


def results(folder: Path) -> dict[str, str]:
    """Digests of the files in `folder` by name, and of the state of a training."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        name = path.relative_to(folder).as_posix() if path != folder else path.name
        if not path.is_file() or any(part.startswith(".") for part in name.split("/")):
            continue
        if name.endswith("last.ckpt"):
            found[name] = _state(path)
        elif name.endswith("metrics.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = _digest([{k: v for k, v in r.items() if k not in _TIMES} for r in rows])
        elif name.endswith(".safetensors"):
            found[name] = _tensors(path)
        elif path.name == "numbers.json":
            found[name] = _digest(json.loads(path.read_text()).get("metrics"))
        elif not _LEFT_OUT.fullmatch(path.name):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def difference(folder: Path, expected: dict[str, str]) -> str | None:
    """What in `folder` is not as expected; None where all is."""
    found = results(folder)
    names = sorted(n for n in found.keys() | expected.keys() if found.get(n) != expected.get(n))
    if names:
        return f"other results: {', '.join(names)}"
    left = drafts(folder)
    return f"left behind: {', '.join(left)}" if left else None


def drafts(folder: Path) -> list[str]:
    """Names of half-written files and locks that are still there."""
    if not folder.is_dir():
        return []
    return [
        path.name for path in folder.rglob(".*") if path.suffix == ".tmp" or path.name == ".lock"
    ]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _tensors(path: Path) -> str:
    """The digest of a model file, whose header has no fixed order."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.get("__metadata__", {}).pop("created", None)
    return _digest([header, hashlib.sha256(data[8 + length :]).hexdigest()])


def _state(path: Path) -> str:
    """The digest of weights, averaged weights and moments of the state of a training.

    It is read in this process, without computing anything: forks come after it.
    """
    import torch

    state = torch.load(path, weights_only=True)
    names = ("state_dict", "current_model_state", "optimizer_states", "global_step")
    digest = hashlib.sha256()
    for name in names:
        _add(digest, state.get(name))
    return digest.hexdigest()


def _add(digest: Any, value: Any) -> None:
    if hasattr(value, "detach"):
        digest.update(value.detach().contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key in value:
            digest.update(repr(key).encode())
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        for part in value:
            _add(digest, part)
    else:
        digest.update(repr(value).encode())
