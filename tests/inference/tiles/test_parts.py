"""Objects of tiles in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relook.errors import DataError
from relook.inference.tiles.objects import TileObjects
from relook.inference.tiles.parts import load_parts, save_parts
from relook.ops.runs import Runs


def part(tile: int, count: int, *, masks: bool = True) -> TileObjects:
    generator = np.random.default_rng([tile, count])
    boxes = generator.uniform(0, 100, (count, 4))
    runs = tuple(
        Runs(np.arange(n, dtype=np.int64) * 10, np.arange(n, dtype=np.int64) * 10 + 4)
        for n in generator.integers(0, 5, count).tolist()
    )
    return TileObjects(
        tile,
        boxes.astype(np.float32),
        generator.uniform(0, 1, count).astype(np.float32),
        generator.integers(0, 3, count),
        runs if masks else None,
        boxes,
        generator.uniform(0, 1, count) > 0.5,
    )


@pytest.mark.parametrize("masks", [True, False])
def test_parts_come_back_as_they_were(tmp_path: Path, masks: bool) -> None:
    parts = [part(4, 3, masks=masks), part(7, 0, masks=masks), part(2, 5, masks=masks)]
    save_parts(tmp_path / "a" / "0.npz", parts)
    again = load_parts(tmp_path / "a" / "0.npz")
    assert [one.tile for one in again] == [4, 7, 2]
    for one, other in zip(parts, again, strict=True):
        for name in ("boxes", "scores", "labels", "extents", "is_cut"):
            values, same = getattr(one, name), getattr(other, name)
            assert values.dtype == same.dtype and (values == same).all()
        if one.masks is None or other.masks is None:
            assert one.masks is other.masks
            continue
        assert len(one.masks) == len(other.masks)
        for mask, copy in zip(one.masks, other.masks, strict=True):
            assert (mask.starts == copy.starts).all() and (mask.ends == copy.ends).all()


def test_no_tiles_are_no_parts(tmp_path: Path) -> None:
    save_parts(tmp_path / "0.npz", [])
    assert load_parts(tmp_path / "0.npz") == []


def test_what_could_not_be_read_is_told_again(tmp_path: Path) -> None:
    save_parts(tmp_path / "0.npz", [part(1, 2)], DataError("D02", "a.tif is broken"))
    with pytest.raises(DataError, match=r"D02: a\.tif is broken"):
        load_parts(tmp_path / "0.npz")
