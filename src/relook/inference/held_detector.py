"""The detector of an engine, which is held once: as it was loaded, or folded."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from ..models.detector import Detector
from ..models.folding import FoldedCopy, fold

_LOCK = threading.Lock()


class HeldDetector:
    """A detector and its folded copy.

    Where the detector can be loaded again, and nobody else was given it, it is let go as soon as
    the copy is made: its weights would be in memory twice. Threads may share this object.

    Args:
        detector: The network.
        again: Function that loads the same network once more. The caller keeps no reference to
            `detector` then.
    """

    def __init__(self, detector: Detector, again: Callable[[], Detector] | None = None) -> None:
        self._detector: Detector | None = detector
        self._again = again
        self._current = FoldedCopy()
        self._alone: Detector | None = None  # the folded copy of a detector that was let go
        self._dtype = torch.float32  # of that copy
        self.parameters = sum(p.numel() for p in detector.parameters())

    @property
    def can_go(self) -> bool:
        """Return whether the detector is not kept beside its folded copy."""
        return self._again is not None

    @property
    def is_let_go(self) -> bool:
        """Return whether there is nothing but the folded copy."""
        return self._detector is None

    def share(self) -> Detector:
        """The detector for anybody: it may be kept and changed, and is never let go from now on.

        Raises:
            ModelError: M01 when it was let go, and its file is not there any more or has changed.
        """
        with _LOCK:
            detector = self._loaded()
            self._again = None
            return detector

    def whole(self) -> Detector:
        """The detector for the engine, which keeps no reference. Raises as `share`."""
        with _LOCK:
            return self._loaded()

    def look(self) -> Detector:
        """The detector, for reading its weights once; no reference may be kept.

        Raises as `share`.
        """
        with _LOCK:
            if self._detector is None and self._again is not None:
                return self._again()
            return self._loaded()

    def folded(self, dtype: torch.dtype = torch.float32) -> Detector:
        """The folded copy, up to date, which computes in `dtype` (`models.folding.fold`)."""
        with _LOCK:
            if self._detector is None and self._alone is not None and self._dtype == dtype:
                return self._alone
            detector = self._loaded()
            if self._again is None:
                return self._current.of(detector, dtype)
            self._alone, self._detector, self._dtype = fold(detector, dtype), None, dtype
            return self._alone

    def _loaded(self) -> Detector:
        if self._detector is None:
            assert self._again is not None
            self._detector, self._alone = self._again(), None
        return self._detector
