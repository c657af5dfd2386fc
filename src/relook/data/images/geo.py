"""Place of a GeoTIFF on the earth, by rasterio where it is installed, else by its tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from .orientation import Affine
from .tiff_sizes import PixelSize

_POINT: Final = 2  # GTRasterTypeGeoKey: coordinates are those of the centre of a pixel
_USER_DEFINED: Final = 32767
_METRE: Final = 9001

Georeference = tuple[str | None, Affine | None, PixelSize | None]


def georeference(source: Path | bytes, page: Any) -> Georeference:
    """CRS, transform from stored pixels to it, and (height, width) of a pixel in micrometres.

    All None for a file that is no GeoTIFF. Without rasterio a CRS that is not an EPSG code stays
    unknown, and so do sizes of pixels whose unit is not the metre.
    """
    if not page.is_geotiff:
        return None, None, None
    found = _by_rasterio(source)
    return _by_tags(page) if found is None else found


def _by_rasterio(source: Path | bytes) -> Georeference | None:
    try:
        import rasterio
        from rasterio.io import MemoryFile
    except ImportError:
        return None
    import warnings

    # No files beside the image are looked for, and no other kind of file is opened.
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(source, Path):
                with rasterio.open(source.resolve(), driver="GTiff") as data:
                    return _of_data(data)
            with MemoryFile(source) as memory, memory.open(driver="GTiff") as data:
                return _of_data(data)
        except Exception:  # noqa: BLE001 - the tags still say what GDAL cannot read
            return None


def _of_data(data: Any) -> Georeference:
    transform: Affine | None = None
    if not data.transform.is_identity:
        a, b, c, d, e, f = (float(value) for value in list(data.transform)[:6])
        transform = a, b, c, d, e, f
    if data.crs is None:
        return None, transform, None
    code = data.crs.to_epsg()
    crs = data.crs.to_wkt() if code is None else f"EPSG:{code}"
    metres = data.crs.linear_units_factor[1] if data.crs.is_projected else None
    return crs, transform, _pixel(transform, metres)


def _by_tags(page: Any) -> Georeference:
    tags = page.geotiff_tags or {}
    transform = _transform(tags)
    projected = int(tags.get("ProjectedCSTypeGeoKey", _USER_DEFINED))
    code = projected
    if code == _USER_DEFINED:
        code = int(tags.get("GeographicTypeGeoKey", _USER_DEFINED))
    crs = None if code == _USER_DEFINED else f"EPSG:{code}"
    is_metre = int(tags.get("ProjLinearUnitsGeoKey", 0)) == _METRE
    return crs, transform, _pixel(transform, 1.0 if is_metre else None)


def _transform(tags: dict[str, Any]) -> Affine | None:
    matrix = tags.get("ModelTransformation")
    if matrix is not None:
        rows = np.asarray(matrix, dtype=np.float64).reshape(4, 4)
        a, b, c = float(rows[0, 0]), float(rows[0, 1]), float(rows[0, 3])
        d, e, f = float(rows[1, 0]), float(rows[1, 1]), float(rows[1, 3])
    else:
        scale, ties = tags.get("ModelPixelScale"), tags.get("ModelTiepoint")
        if scale is None or ties is None:
            return None
        column, row, _, x, y = (float(value) for value in np.ravel(ties)[:5].tolist())
        a, b, c = float(scale[0]), 0.0, x - column * float(scale[0])
        d, e, f = 0.0, -float(scale[1]), y + row * float(scale[1])
    if int(tags.get("GTRasterTypeGeoKey", 1)) == _POINT:
        c, f = c - (a + b) / 2, f - (d + e) / 2
    return a, b, c, d, e, f


def _pixel(transform: Affine | None, metres: float | None) -> PixelSize | None:
    """(height, width) of a pixel in micrometres."""
    if transform is None or metres is None:
        return None
    a, b, _, d, e, _ = transform
    height, width = (b * b + e * e) ** 0.5, (a * a + d * d) ** 0.5
    return height * metres * 1e6, width * metres * 1e6
