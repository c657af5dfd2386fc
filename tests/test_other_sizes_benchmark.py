"""benchmarks/other_sizes.py: its sets, on drawn scenes; no network runs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from relook.data.coco.segmentation import rasterised

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import other_sizes


def _square() -> other_sizes.Scene:
    image = np.zeros((60, 90, 3), dtype=np.uint8)
    mask = np.zeros((60, 90), dtype=bool)
    mask[20:40, 30:60] = True
    image[mask] = 200
    return image, [mask]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_masks_are_resized_with_their_image(factor: float) -> None:
    image, (mask,) = other_sizes.resizing(factor)(*_square())
    assert image.shape[:2] == mask.shape == (round(60 * factor), round(90 * factor))
    assert mask.sum() == pytest.approx(600 * factor**2)
    assert image[mask].mean() > 190


def test_the_middle_is_cut_out() -> None:
    image, (mask,) = other_sizes.middle_third(*_square())
    assert image.shape == (20, 30, 3) and mask.all() and (image == 200).all()


def test_objects_cut_by_a_seam_become_whole() -> None:
    image, masks = _square()
    masks.append(np.zeros((60, 90), dtype=bool))
    masks[1][50:, 80:] = True  # touches both seams
    together, found = other_sizes.mosaic(image, masks)
    assert together.shape == (120, 180, 3)
    assert sorted(int(mask.sum()) for mask in found) == [400, 600, 600, 600, 600]


def test_a_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    image, masks = other_sizes.discs(60, 5, seed=0)
    speck = np.zeros(image.shape[:2], dtype=bool)
    speck[:2, :2] = True
    index = other_sizes.write_set(tmp_path / "set", [(image, [*masks, speck])], "cell")
    (record,) = index.images
    assert (index.num_objects, index.classes[0].name) == (5, "cell")
    for thing, mask in zip(record.objects, masks, strict=True):
        assert thing.segmentation is not None
        assert np.array_equal(rasterised(thing.segmentation, 480, 640), mask)
        assert 40 < 2 * np.sqrt(mask.sum() / np.pi) < 70
