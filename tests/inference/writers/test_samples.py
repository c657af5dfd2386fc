"""Values of the files of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from relook.data.images import Reading
from relook.data.sources.stored import ImagePixels
from relook.inference.results import Result
from relook.inference.writers.samples import file_samples


def test_values_are_those_of_the_file_and_not_the_mapped_ones(odd: Result, tmp_path: Path) -> None:
    values = np.arange(192, dtype=np.uint16).reshape(12, 16) * 300
    tifffile.imwrite(tmp_path / "a.tif", values)
    with file_samples(tmp_path / "a.tif", Reading(), odd) as samples:
        assert samples is not None
        assert (samples(2, 3, 4, 5)[..., 0] == values[2:6, 3:8]).all()


def test_a_grey_picture_has_one_channel(odd: Result, tmp_path: Path) -> None:
    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    with file_samples(tmp_path / "a.png", Reading(), odd) as samples:
        assert samples is not None and samples(0, 0, 12, 16).shape == (12, 16, 1)


def test_what_is_gone_or_of_another_size_has_no_values(odd: Result, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "a.png")
    for name in ("a.png", "gone.png"):
        with file_samples(tmp_path / name, Reading(), odd) as samples:
            assert samples is None


def test_an_image_that_comes_once_gives_the_pixels_of_its_result(odd: Result) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    frame = ImagePixels("camera:0#0", pixels[::-1])  # another picture by now
    assert frame.stamp() is None
    with file_samples(frame, Reading(), replace(odd, image=pixels)) as samples:
        assert samples is not None and (samples(0, 0, 12, 16) == pixels).all()
