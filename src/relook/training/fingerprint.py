"""Record of the annotation files of a run, so that it is never resumed on other data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data.coco.reader import CocoIndex
from ..errors import RelookError, counted, first_few
from .settings import Settings
from .sources import Sources

FORMAT = 1
_NAMED = 5


def fingerprint(
    settings: Settings, sources: Sources, weights: Path | None = None
) -> dict[str, Any]:
    """Return the digest, classes and counts of the annotation files of a training, and the model
    file that it starts from."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "weights": None if weights is None else str(weights),
        "train": _of_file(settings.data.train_json, sources.train),
        "stuff": [{"id": kind.id, "name": kind.name} for kind in sources.stuff],
    }
    if settings.data.val_json is not None and sources.val is not None:
        record["val"] = _of_file(settings.data.val_json, sources.val)
    return record


def _of_file(path: Path, index: CocoIndex) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": str(path),
        "sha256": digest,
        "classes": [{"id": c.id, "name": c.name} for c in index.classes],
        "images": len(index.images),
        "objects": index.num_objects,
    }


def check_same_data(before: Mapping[str, Any], now: Mapping[str, Any], run: Path) -> None:
    """Refuse annotation files that are not those with which a run began.

    Raises:
        RelookError: R06 with what has changed.
    """
    changes = [
        f"{now[part]['file']}: {change}"
        for part in ("train", "val")
        if isinstance(before.get(part), Mapping) and part in now
        for change in _changes(before[part], now[part])
    ]
    if before.get("stuff", now["stuff"]) != now["stuff"]:
        changes.append(f"stuff: {_names(now['stuff'])}, and was {_names(before['stuff'])}")
    if changes:
        raise RelookError(
            "R06",
            f"{run}: the annotations have changed since this run began: {'; '.join(changes)}. A "
            "resumed training would not be the one that was stopped. Restore the files, or start "
            f"a new run from these weights with --weights {run}.",
        )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences of two records of a file; classes and counts first, as they explain it."""
    if before.get("sha256") == now["sha256"]:
        return []
    found = []
    if before.get("classes") != now["classes"]:
        found.append(
            f"the classes are {_names(now['classes'])}, and were {_names(before.get('classes'))}"
        )
    for key, noun in (("images", "image"), ("objects", "object")):
        if before.get(key) != now[key]:
            found.append(f"{counted(now[key], noun)}, and it had {before.get(key)}")
    return found or ["other content, with as many images and objects of the same classes"]


def _names(classes: Any) -> str:
    rows = classes if isinstance(classes, list) else []
    return first_few((f"{row.get('name')} ({row.get('id')})" for row in rows), _NAMED) or "none"
