"""Cellpose's files: masks beside images, and `_seg.npy` without its pickle being run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.errors import DataError

from .conftest import Folder, block

FIRST, SECOND = block(1, 2, 5, 6), block(6, 8, 10, 12)
IDS = (FIRST + 2 * SECOND).astype(np.uint16)


def seg(**changes: Any) -> dict[str, Any]:
    """What the window of Cellpose saves."""
    record = {
        "outlines": IDS * 0,
        "colors": np.zeros((2, 3), np.uint8),
        "masks": IDS,
        "chan_choose": [0, 0],
        "filename": "C:\\data\\a.png",
        "flows": [np.zeros((12, 16, 3), np.uint8), [], None],
        "ismanual": np.zeros(2, bool),
        "manual_changes": [],
        "diameter": np.float64(30.0),
    }
    return record | changes


def test_a_folder_of_both(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.image(f"{name}.png")
    np.save(folder.path / "a_seg.npy", seg())
    Image.fromarray(IDS * 0 + 1).save(folder.path / "a_cp_masks.png")
    Image.fromarray(IDS).save(folder.path / "b_cp_masks.png")
    lines = folder.convert(class_name="cell").lines
    found = folder.masks()["cell"]
    assert len(found) == 4
    for row, mask in enumerate((FIRST, SECOND, FIRST, SECOND)):
        assert np.array_equal(found[row], mask)
    assert "images with a _seg.npy and a file of masks are read by _seg.npy" in lines


def test_images_of_the_data_sets_of_cellpose(folder: Folder) -> None:
    folder.image("train/000_img.png")
    folder.image("train/001.png")
    Image.fromarray(IDS).save(folder.path / "train" / "001_masks.png")
    folder.convert()
    assert len(folder.masks()["object"]) == 2


def test_masks_of_one_value_are_noticed(folder: Folder) -> None:
    folder.image("a.png")
    Image.fromarray((IDS > 0).astype(np.uint8) * 255).save(folder.path / "a_masks.png")
    lines = folder.convert().lines
    assert any("say --from label-images --objects components" in line for line in lines)
    folder.convert(format="label-images", objects="components")
    assert len(folder.masks()["object"]) == 2


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (seg(masks=IDS.astype(np.float32)), 'no "masks"'),
        (seg(masks=IDS[None]), 'no "masks"'),
        ([1], 'no "masks"'),
        (seg(masks=IDS[:-1]), "16 x 11"),
    ],
)
def test_what_cannot_be_used(folder: Folder, record: Any, words: str) -> None:
    folder.image()
    np.save(folder.path / "a_seg.npy", np.array(record, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=words):
        folder.convert("a_seg.npy")
