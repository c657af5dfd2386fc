"""Building blocks that do not depend on detection."""

from .convert import Conversion, convert_to_sac
from .sac import AWSConv2d, SAConv2d

__all__ = ["AWSConv2d", "Conversion", "SAConv2d", "convert_to_sac"]
