from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.data.images import geo, open_image
from relook.data.images.info import ImageInfo

BANDS = np.random.default_rng(0).integers(1, 255, (3, 40, 50)).astype(np.uint8)


def write(path: Path, crs: str | None, values: np.ndarray = BANDS, **options: Any) -> None:
    rasterio = pytest.importorskip("rasterio")
    count, height, width = values.shape
    transform = rasterio.Affine(0.5, 0, 500_000, 0, -0.25, 5_400_000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=count,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        **options,
    ) as file:
        file.write(values)


def info_of(path: Path) -> ImageInfo:
    with open_image(path) as image:
        image.read_window(3, 4, 5, 6)
        return image.info


@pytest.mark.parametrize("is_installed", [True, False])
def test_place_and_size_of_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    write(tmp_path / "a.tif", "EPSG:32632", photometric="RGB", tiled=True, compress="deflate")
    if not is_installed:
        monkeypatch.setattr(geo, "_by_rasterio", lambda source: None)
    info = info_of(tmp_path / "a.tif")
    assert info.format == "GeoTIFF"
    assert info.crs == "EPSG:32632"
    assert info.transform == (0.5, 0, 500_000, 0, -0.25, 5_400_000)
    assert info.pixel_size == pytest.approx((250_000, 500_000))
    with open_image((tmp_path / "a.tif").read_bytes()) as image:
        assert image.info == info
        np.testing.assert_array_equal(image.read(), np.moveaxis(BANDS, 0, -1))


def test_degrees_are_no_length(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", "EPSG:4326", photometric="RGB")
    info = info_of(tmp_path / "a.tif")
    assert (info.crs, info.pixel_size) == ("EPSG:4326", None)


def test_other_files_are_nowhere(tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", BANDS[0])
    info = info_of(tmp_path / "a.tif")
    assert (info.crs, info.transform) == (None, None)


def test_what_was_not_measured_is_black_and_does_not_count(tmp_path: Path) -> None:
    values = np.linspace(100, 200, 2000, dtype=np.float32).reshape(1, 40, 50).copy()
    values[0, :20] = -9999
    write(tmp_path / "a.tif", "EPSG:32632", values, nodata=-9999)
    with open_image(tmp_path / "a.tif") as image:
        pixels = image.read()[:, :, 0]
    assert pixels[:20].max() == 0
    assert (pixels[20, 10], pixels[39, 49]) == (0, 255)
    assert 120 < pixels[30, 0] < 135
