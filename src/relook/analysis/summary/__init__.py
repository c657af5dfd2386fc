"""A model as something to read: in words, as a file, as Python."""

from .description import Description, describe

__all__ = ["Description", "describe"]
