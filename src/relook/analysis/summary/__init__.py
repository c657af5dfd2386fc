"""Description of a model: in words, as a YAML file, as Python."""

from .description import Description, describe

__all__ = ["Description", "describe"]
