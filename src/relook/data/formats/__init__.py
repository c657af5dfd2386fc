"""Annotations of other tools: which tool wrote them, and one COCO json made of them."""

from .conversion import FORMATS, Conversion, convert, convert_labels
from .recognition import recognised

__all__ = ["FORMATS", "Conversion", "convert", "convert_labels", "recognised"]
