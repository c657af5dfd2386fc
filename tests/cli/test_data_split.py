"""``relook data split``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
MakeDataset = Callable[..., Path]


@pytest.fixture
def source(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "set", [[(number, 3, 9, 20)] for number in range(10)])


def test_parts_and_how_to_train(relook: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    result = relook("data", "split", source, out, "--val", 0.2, "--test", 0.1, "--seed", 4)
    assert result.exit_code == 0, result.stderr
    for part, count in (("train", 7), ("val", 2), ("test", 1)):
        assert f"{part}: {count} image" in result.stdout
        assert len(json.loads((out / f"{part}.json").read_text())["images"]) == count
    command = f"--val-json {out / 'val.json'} --images {source.parent / 'images'}"
    assert command in " ".join(result.stderr.split())
    again = relook("data", "split", source, out)
    assert again.exit_code == 2
    assert "is not written over" in again.stderr


def test_folds_by_group(relook: Run, source: Path, tmp_path: Path) -> None:
    arguments = ("--folds", 2, "--group", "name:^.", "--no-near-duplicates")
    result = relook("data", "split", source, tmp_path / "folds", *arguments)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "9 groups by name:^.; the largest, '1', has 2 images"
    assert [line for line in lines if line.startswith("fold")] == ["fold1:", "fold2:"]
    assert (tmp_path / "folds" / "fold2" / "val.json").is_file()


def test_options_that_cannot_be_followed(relook: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options, code, words in (
        (("--folds", 3, "--val", 0.2), 2, "U04"),
        (("--group", "slide"), 2, "is no rule"),
        (("--val", 0, "--test", 0), 2, "U03"),
        (("--group", "folder"), 3, "D11"),
        (("--images", tmp_path), 3, "D01"),
    ):
        result = relook("data", "split", source, out, *options)
        assert result.exit_code == code
        assert words in " ".join(result.stderr.split())
    assert not out.exists()
