from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from relook.data.images.measured import stored_reading
from relook.errors import UsageError
from relook.structures.rules.reading import Reading


def images(folder: Path, *values: np.ndarray) -> list[Path]:
    paths = [folder / f"{i}.tif" for i in range(len(values))]
    for path, content in zip(paths, values, strict=True):
        tifffile.imwrite(path, content, photometric="minisblack", planarconfig="contig")
    return paths


def test_bounds_of_a_data_set_are_those_of_all_its_images(tmp_path: Path) -> None:
    dark, bright = np.full((20, 20), 100, np.uint16), np.full((20, 20), 900, np.uint16)
    paths = images(tmp_path, dark, bright)
    stored = stored_reading(Reading(intensities="data"), paths, "set")
    assert stored.record() == {"intensities": "bounds", "bounds": ((100.0, 900.0),)}


def test_each_channel_has_its_own(tmp_path: Path) -> None:
    ramp = np.arange(400, dtype=np.uint16).reshape(20, 20)
    (path,) = images(tmp_path, np.stack([ramp, ramp * 10, ramp], axis=-1))
    wanted = Reading(intensities="data", channels=(1, 0), percentiles=(0, 100))
    stored = stored_reading(wanted, [path], "set")
    assert stored.bounds == ((0.0, 3990.0), (0.0, 399.0))


def test_other_rules_need_no_image() -> None:
    assert stored_reading(Reading(), [], "set") == Reading().explicit()


def test_sets_without_a_range_are_refused(tmp_path: Path) -> None:
    paths = images(tmp_path, np.full((5, 5), 7, np.uint16))
    with pytest.raises(UsageError, match=r"U04.*one value only"):
        stored_reading(Reading(intensities="data"), paths, "set")
