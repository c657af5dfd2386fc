"""Several annotation files joined to one."""

from .merge import Merge, merge_files
from .source import Source

__all__ = ["Merge", "Source", "merge_files"]
