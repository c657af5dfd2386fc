"""Label images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers import labels as module
from relook.inference.writers.labels import label_image, write_labels


def test_labels_are_the_masks(odd: Result, masks: list[NDArray[np.bool_]], tmp_path: Path) -> None:
    assert write_labels(tmp_path / "a.tif", odd, (0.25, 0.5)) == 0
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


def test_the_better_object_is_seen_and_overlaps_are_counted(
    result_of: object, tmp_path: Path
) -> None:
    left, right = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    left[:, :4] = right[:, 2:] = True
    labels, overlapped = label_image(result_of([left, right]))  # type: ignore[operator]
    assert overlapped == 8
    assert labels[0].tolist() == [1, 1, 1, 1, 2, 2]


def test_many_objects_take_32_bits(
    odd: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LARGEST", 3)
    write_labels(tmp_path / "a.tif", odd)
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.uint32
