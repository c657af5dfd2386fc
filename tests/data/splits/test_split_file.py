"""From one file to the files of its parts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import relook
from relook.data.coco.reader import read_coco
from relook.errors import UsageError

MakeDataset = Callable[..., Path]


@pytest.fixture
def source(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    return make_dataset(tmp_path, [[(number, 3, 9, 20)] for number in range(10)])


def test_parts_can_be_read_and_the_table_names_them(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    splits = relook.split_file(source, out, val=0.2, test=0.1, group="name:.", seed=3)
    (split,) = splits.values()
    for part, count in (("train", 7), ("val", 2), ("test", 1)):
        index = read_coco(out / f"{part}.json", source.parent / "images")
        assert tuple(image.id for image in index.images) == getattr(split, part)
        assert len(index.images) == index.num_objects == count
    rows = list(csv.DictReader((out / "split.csv").read_text().splitlines()))
    assert {row["part"] for row in rows} == {"train", "val", "test"}
    assert [row["image"] for row in rows] == [f"{number}.png" for number in range(1, 11)]
    assert rows[9]["group"] == "1"
    again = relook.split_file(source, tmp_path / "again", val=0.2, test=0.1, group="name:.", seed=3)
    assert again == splits


def test_its_table_is_a_rule_for_groups(source: Path, tmp_path: Path) -> None:
    relook.split_file(source, tmp_path / "a", group="name:[123]|.", near_duplicates=False)
    rule = f"csv:{tmp_path / 'a' / 'split.csv'}"
    (split,) = relook.split_file(source, tmp_path / "b", group=rule).values()
    assert split.groups[1] == split.groups[10] == "1"


def test_folds_have_folders(source: Path, tmp_path: Path) -> None:
    splits = relook.split_file(source, tmp_path / "folds", folds=2, images=tmp_path / "images")
    assert list(splits) == ["fold1", "fold2"]
    assert sorted(path.name for path in (tmp_path / "folds").iterdir()) == [
        "fold1",
        "fold2",
        "split.csv",
    ]
    first = read_coco(tmp_path / "folds" / "fold1" / "val.json", tmp_path / "images")
    assert tuple(image.id for image in first.images) == splits["fold1"].val
    with pytest.raises(UsageError, match="U04"):
        relook.split_file(source, tmp_path / "folds", folds=2)
    with pytest.raises(UsageError, match="Leave val out"):
        relook.split_file(source, tmp_path / "other", folds=2, val=0.2)
    assert not (tmp_path / "other").exists()
