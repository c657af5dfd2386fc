from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from relook.data.images import open_image

GREY = np.zeros((4, 6), np.uint8)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": (1e4, 2e4), "resolutionunit": "CENTIMETER"}, (0.5, 1.0)),
        ({"resolution": (25400, 25400), "resolutionunit": "INCH"}, (1.0, 1.0)),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (2, 2), "resolutionunit": "NONE"}, None),
        ({}, None),
        ({"imagej": True, "resolution": (4, 2), "metadata": {"unit": "um"}}, (0.5, 0.25)),
        ({"imagej": True, "resolution": (4, 2), "metadata": {"unit": "\\u00B5m"}}, (0.5, 0.25)),
        ({"imagej": True, "resolution": (4, 2), "metadata": {"unit": "pixel"}}, None),
        ({"imagej": True, "resolution": (1, 1)}, None),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.1, "PhysicalSizeY": 0.2}}, (0.2, 0.1)),
        (
            {
                "ome": True,
                "metadata": {
                    "PhysicalSizeX": 65,
                    "PhysicalSizeXUnit": "nm",
                    "PhysicalSizeY": 0.1,
                    "PhysicalSizeYUnit": "mm",
                },
            },
            (100.0, 0.065),
        ),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.1}}, None),
        (
            {"description": "Aperio Image Library|AppMag = 20|MPP = 0.4990", "metadata": None},
            (0.499, 0.499),
        ),
    ],
)
def test_sizes_of_pixels(tmp_path: Path, options: dict[str, Any], expected: Any) -> None:
    name = "a.ome.tif" if "ome" in options else "a.tif"
    tifffile.imwrite(tmp_path / name, GREY, **options)
    with open_image(tmp_path / name) as image:
        found = image.info.pixel_size
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_quarter_turn_swaps_the_sides_of_a_pixel(tmp_path: Path) -> None:
    options: dict[str, Any] = {"resolution": (1e4, 2e4), "resolutionunit": "CENTIMETER"}
    tag = (274, "H", 1, 6, True)
    tifffile.imwrite(tmp_path / "a.tif", GREY, extratags=[tag], **options)
    with open_image(tmp_path / "a.tif") as image:
        assert image.info.pixel_size == pytest.approx((1.0, 0.5))
        assert image.size == (6, 4)
