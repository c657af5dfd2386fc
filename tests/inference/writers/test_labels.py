"""Label images, in memory and as TIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.inference.writers import labels as module
from relook.inference.writers.labels import label_image, visible_pixels, write_labels
from relook.ops.rle import encode_window


def random_result(size: tuple[int, int], count: int) -> Result:
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


def test_labels_are_the_masks(odd: Result, masks: list[NDArray[np.bool_]], tmp_path: Path) -> None:
    write_labels(tmp_path / "a.tif", odd, (0.25, 0.5))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        labels = file.asarray()
        assert file.series[0].axes == "YX"
        assert file.is_ome and file.ome_metadata is not None
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata
        assert 'PhysicalSizeY="0.25"' in file.ome_metadata
        resolution = file.pages[0].tags["YResolution"].value  # type: ignore[union-attr]
        assert resolution[0] / resolution[1] == pytest.approx(1e4 / 0.25)
    assert labels.dtype == np.uint16
    for number, mask in enumerate(masks, start=1):
        assert ((labels == number) == mask).all()


@pytest.mark.parametrize("size", [(1100, 700), (512, 1024), (30, 40)])
def test_the_file_is_the_image_in_memory(tmp_path: Path, size: tuple[int, int]) -> None:
    result = random_result(size, 25)
    visible = write_labels(tmp_path / "a.tif", result)
    labels = label_image(result)
    written = tifffile.imread(tmp_path / "a.tif")
    assert written.dtype == np.uint16 and (written == labels).all()
    assert visible.tolist() == np.bincount(labels.ravel(), minlength=26)[1:].tolist()
    assert visible_pixels(result).tolist() == visible.tolist()


def test_the_better_object_is_seen(result_of: object) -> None:
    left, right = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    left[:, :4] = right[:, 2:] = True
    result = result_of([left, right])  # type: ignore[operator]
    assert label_image(result)[0].tolist() == [1, 1, 1, 1, 2, 2]
    assert visible_pixels(result).tolist() == [16, 8]


def test_many_objects_take_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGEST", 24)
    result = random_result((60, 50), 25)
    write_labels(tmp_path / "a.tif", result)
    written = tifffile.imread(tmp_path / "a.tif")
    assert written.dtype == np.uint32 and (written == label_image(result)).all()
