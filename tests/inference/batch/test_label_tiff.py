"""Numbers of objects in a TIFF, beside those in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from relook.data.coco.reader import Category
from relook.inference.batch import label_tiff
from relook.inference.batch.label_tiff import write_label_tiff
from relook.inference.batch.writer import number_objects
from relook.inference.results import Result
from relook.ops.rle import encode_window


def result(size: tuple[int, int], count: int) -> Result:
    generator = np.random.default_rng(0)
    masks = []
    for _ in range(count):
        window = generator.uniform(0, 1, generator.integers(1, 400, 2)) > 0.3
        window = window[: size[0], : size[1]]
        top = int(generator.integers(0, size[0] - window.shape[0] + 1))
        left = int(generator.integers(0, size[1] - window.shape[1] + 1))
        masks.append(encode_window(window, left, top, size))
    return Result(
        np.zeros((count, 4), np.float32),
        np.ones(count, np.float32),
        np.zeros(count, np.int64),
        tuple(masks),
        size,
        (Category(1, "a"),),
    )


@pytest.mark.parametrize("size", [(1100, 700), (512, 1024), (30, 40)])
def test_numbers_are_those_of_the_whole_map(tmp_path: Path, size: tuple[int, int]) -> None:
    found = result(size, 25)
    visible = write_label_tiff(tmp_path / "a.tif", found)
    expected = number_objects(found)
    written = tifffile.imread(tmp_path / "a.tif")
    assert written.dtype == np.uint16 and (written == expected).all()
    assert visible.tolist() == np.bincount(expected.ravel(), minlength=26)[1:].tolist()


def test_more_objects_than_16_bits_can_number_get_32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_tiff, "_MOST_16_BITS", 24)
    found = result((60, 50), 25)
    write_label_tiff(tmp_path / "a.tif", found)
    written = tifffile.imread(tmp_path / "a.tif")
    assert written.dtype == np.uint32 and (written == number_objects(found)).all()
