"""Detectors for prediction only: the same numbers with fewer passes over the maps."""

from .current import FoldedCopy
from .fold import fold
from .ways import fast_ways

__all__ = ["FoldedCopy", "fast_ways", "fold"]
