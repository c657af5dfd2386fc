"""Splits of a data set. Stand-in until the room is merged: images are drawn at random."""

from __future__ import annotations

import json as json_module
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.files import write_text
from ..coco.records import CocoIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Ids of the images of each part."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    lines: tuple[str, ...]


def split_images(
    index: CocoIndex,
    images: Path,
    *,
    val: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    group: str | None = None,
    near_duplicates: bool = True,
) -> Split:
    """Deal the images out at random."""
    del images, group, near_duplicates
    ids = [record.id for record in index.images]
    random.Random(seed).shuffle(ids)
    count, tests = round(len(ids) * val), round(len(ids) * test)
    parts = {"val": ids[:count], "test": ids[count : count + tests], "train": ids[count + tests :]}
    sorted_parts: dict[str, Any] = {name: tuple(sorted(part)) for name, part in parts.items()}
    return Split(**sorted_parts, lines=("images were drawn at random",))


def write_parts(json: Path, out: Path, split: Split) -> dict[str, Path]:
    """Write train.json, val.json, test.json into `out`, those that have images."""
    content = json_module.loads(json.read_text(encoding="utf-8"))
    paths: dict[str, Path] = {}
    for name in ("train", "val", "test"):
        ids = set(getattr(split, name))
        if not ids:
            continue
        images = [image for image in content["images"] if image["id"] in ids]
        rows = [row for row in content["annotations"] if row["image_id"] in ids]
        part = {**content, "images": images, "annotations": rows}
        paths[name] = out / f"{name}.json"
        write_text(paths[name], json_module.dumps(part))
    return paths
