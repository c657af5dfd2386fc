"""Annotation formats of other tools. Stand-in until the readers are merged: it knows none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What was converted."""

    json: Path
    images: Path
    lines: tuple[str, ...]


def recognised(path: Path) -> str | None:
    """Name of the annotation format of a file or folder; None for COCO and what is unknown."""
    del path
    return None


def convert(
    path: Path,
    out: Path,
    *,
    format: str | None = None,
    images: Path | None = None,
    class_name: str | None = None,
) -> Conversion:
    """Write what is annotated at `path` as one COCO json at `out`."""
    del out, format, images, class_name
    raise DataError("D04", f"{path}: no reader is there for it.")
