"""Parts of a data set: images dealt out by groups, and files for each part."""

from .parts import write_parts
from .split import Split, fold_images, split_images
from .split_file import split_file

__all__ = ["Split", "fold_images", "split_file", "split_images", "write_parts"]
