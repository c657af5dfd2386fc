"""A detector that can be read from its file once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..config.plugins import allowed
from ..errors import ModelError
from ..models.detector import Detector
from .file import load_model

Stamp = tuple[int, int, int]  # inode, bytes, time of the last change in ns


@dataclass(frozen=True)
class StoredDetector:
    """Reads the detector in a file again, if the file is still the one that it was."""

    path: Path
    read: Callable[[], Detector]
    stamp: Stamp

    @classmethod
    def of(cls, path: Path, read: Callable[[], Detector]) -> StoredDetector:
        """The detector that `read` gives, from the file at `path` as it is now.

        Raises:
            ModelError: M01 when there is no such file.
        """
        return cls(path.absolute(), read, _stamp(path))

    def __call__(self) -> Detector:
        """The detector.

        Raises:
            ModelError: M01 when the file is gone or was changed; else as `read`.
        """
        if _stamp(self.path) != self.stamp:
            raise _gone(self.path, "it was changed since")
        return self.read()


def stored_model(path: Path) -> StoredDetector:
    """The detector of the relook model at `path`, with the parts that are allowed now."""
    return StoredDetector.of(path, partial(_read, path.absolute(), allowed()))


def _read(path: Path, allow: tuple[str, ...]) -> Detector:
    return load_model(path, allow=allow).detector


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise _gone(path, error.strerror or "it cannot be read") from error
    return found.st_ino, found.st_size, found.st_mtime_ns


def _gone(path: Path, why: str) -> ModelError:
    return ModelError(
        "M01",
        f"{path}: the weights of this model are needed as they are in the file ({why}), and in "
        "memory they are only folded for predictions. Load the model anew; to keep its weights in "
        "memory, read `predictor.detector` before the first prediction.",
    )
