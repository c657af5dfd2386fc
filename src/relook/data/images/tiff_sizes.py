"""Size of a pixel in micrometres, where a TIFF file says it with its unit."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

from tifffile import TiffFile

_MICROMETRES: Final = {
    "m": 1e6,
    "cm": 1e4,
    "centimeter": 1e4,
    "mm": 1e3,
    "millimeter": 1e3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "pm": 1e-6,
    "å": 1e-4,
    "angstrom": 1e-4,
    "inch": 25_400.0,
    "in": 25_400.0,
}
_OF_SCREENS: Final = {72.0, 96.0}  # pixels in an inch that programs write without a measurement
_INCH, _CENTIMETRE = 2, 3

PixelSize = tuple[float, float]


def pixel_size_of(tif: TiffFile, page: Any) -> PixelSize | None:
    """(height, width) of a pixel in micrometres, by OME, LSM, SVS, ImageJ or the resolution."""
    if tif.is_ome:
        return _of_ome(tif.ome_metadata or "")
    if tif.is_lsm:
        record = tif.lsm_metadata or {}
        return _pair(record.get("VoxelSizeY", 0) * 1e6, record.get("VoxelSizeX", 0) * 1e6)
    if tif.is_svs:
        found = re.search(r"\bMPP\s*=\s*([0-9.]+)", page.description or "")
        return None if found is None else _pair(_number(found[1]), _number(found[1]))
    y, x = _resolution(page, "YResolution"), _resolution(page, "XResolution")
    if tif.is_imagej:
        unit = _unit(str((tif.imagej_metadata or {}).get("unit", "")))
        return None if unit is None or not (y and x) else _pair(unit / y, unit / x)
    tag = page.tags.get("ResolutionUnit")
    kind = 0 if tag is None else int(tag.value)
    if not (y and x) or (kind == _INCH and x in _OF_SCREENS and y in _OF_SCREENS):
        return None
    width = {_INCH: 25_400.0, _CENTIMETRE: 1e4}.get(kind)
    return None if width is None else _pair(width / y, width / x)


def _of_ome(text: str) -> PixelSize | None:
    sizes = []
    for axis in "YX":
        size = re.search(rf'\bPhysicalSize{axis}="([^"]+)"', text)
        if size is None:
            return None
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]+)"', text)
        factor = 1.0 if unit is None else _unit(unit[1])
        if factor is None:
            return None
        sizes.append(_number(size[1]) * factor)
    return _pair(*sizes)


def _unit(name: str) -> float | None:
    """Micrometres in a unit; ImageJ writes µ as \\u00B5."""
    plain = name.replace("\\u00B5", "µ").strip().lower()
    return _MICROMETRES.get(plain)


def _resolution(page: Any, name: str) -> float:
    tag = page.tags.get(name)
    try:
        above, below = tag.value
        return float(above) / float(below)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _pair(height: float, width: float) -> PixelSize | None:
    usable = all(isfinite(side) and side > 0 for side in (height, width))
    return (float(height), float(width)) if usable else None
