"""Near-identical images of several parts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from relook.data.coco.reader import read_coco
from relook.data.leakage import labels_of, leakage

MakeDataset = Callable[..., Path]


def test_images_of_both_parts_are_named(make_dataset: MakeDataset, tmp_path: Path) -> None:
    shapes = [[(5 + 20 * number, 8, 14, 20 + 9 * number)] for number in range(3)]
    train = make_dataset(tmp_path / "train", shapes)
    val = make_dataset(tmp_path / "val", [[(3, 40, 50, 9)], [(30, 2, 20, 9)]])
    shutil.copy(train.parent / "images" / "2.png", val.parent / "images" / "1.png")
    indexes = [read_coco(path, path.parent / "images") for path in (train, val)]
    found = leakage(indexes)
    names = f"{train}:2.png", f"{val}:1.png"
    assert [(found.names[a], found.names[b]) for a, b in found.across] == [names]
    assert labels_of([Path("a/b.json"), Path("a/c.json")]) == ["b.json", "c.json"]
    assert found.part == (0, 0, 0, 1, 1)
    assert found.lines() == [
        f"near-identical images: 1 group of 2 images in all (first: {names[0]}, {names[1]})",
        f"near-identical images of different files: 1 pair (first: {names[0]}, {names[1]})",
    ]
    alone = leakage(indexes[:1])
    assert (alone.names[0], alone.lines()) == ("1.png", ["near-identical images: none"])
