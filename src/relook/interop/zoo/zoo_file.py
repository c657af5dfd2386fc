"""A published checkpoint: its model, address and average precision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from .mirrors import cache_folder

_MMDET: Final = "Apache-2.0, as MMDetection, whose model zoo states no other"


@dataclass(frozen=True, slots=True)
class ZooFile:
    """One published checkpoint."""

    name: str  # of the configuration of its training
    url: str
    schedule: str  # 1x: 12 epochs; 20e: 20 epochs; 3x: 36 epochs
    box_ap: float
    mask_ap: float | None
    preset: str | None  # of its model; None when no preset covers it
    why_not: str = ""  # reason where no preset covers it
    split: str = "val2017"  # data set of the average precision
    licence: str = _MMDET

    @property
    def file_name(self) -> str:
        """The name of the file, as published."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def hash_prefix(self) -> str:
        """The first eight hexadecimal digits of the file's SHA-256, from its name."""
        return self.file_name.removesuffix(".pth").rpartition("-")[2]

    @property
    def path(self) -> Path:
        """Path of the file in the cache, also before it is downloaded."""
        return cache_folder() / "checkpoints" / self.file_name

    @property
    def megabytes(self) -> int | None:
        """Millions of bytes of its weights, for a file that a preset covers."""
        return None if self.preset is None else MEGABYTES[self.preset]


MEGABYTES: Final[dict[str, int]] = {
    "faster-rcnn-r50": 167,
    "mask-rcnn-r50": 178,
    "faster-rcnn-r50-v2": 175,
    "mask-rcnn-r50-v2": 185,
    "cascade-r50": 278,
    "cascade-mask-r50": 310,
    "htc-r50": 321,
    "htc-r101": 397,
    "htc-x101-32x4d": 396,
    "htc-x101-64x4d": 553,
    "htc-x101-64x4d-dcn": 574,
    "cascade-r50-rfp": 377,
    "cascade-r50-sac": 337,
    "htc-r50-rfp": 421,
    "htc-r50-sac": 381,
    "detectors-cascade-r50": 496,
    "detectors-htc-r50": 540,
    "detectors-htc-r101": 802,
}
"""Millions of bytes of a preset's weights in 32 bits; a published file is little larger."""
