"""``relook data compose``: from options to files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.data.coco.reader import read_coco

Run = Callable[..., Result]
DATASETS = Path(__file__).parents[2] / "datasets"
SMALL = ("--side", 128, "--objects", "3:5", "--sizes", 2)


@pytest.fixture(scope="session")
def mushrooms() -> list[str]:
    """The two parts of a data set, as options name them."""
    folder = DATASETS / "mushrooms"
    return [
        f"{folder}/annotations/instances_{part}.json:{folder}/images" for part in ("train", "val")
    ]


def test_data_sets_of_the_checkout(relook: Run, tmp_path: Path) -> None:
    out = tmp_path / "composed"
    arguments = ("--images", 3, "--val", 2, "--overlap", "0.1:0.3", "--datasets", DATASETS)
    result = relook("data", "compose", out, *arguments, *SMALL, "--one-class")
    assert result.exit_code == 0, result.stderr
    for part, number in (("train", 3), ("val", 2)):
        path = out / "annotations" / f"instances_{part}.json"
        index = read_coco(path, out / "images", masks="required")
        assert len(index.images) == number
        assert [one.name for one in index.classes] == ["object"]
        assert f"{path}: {index.num_objects} objects in {number} images" in result.stdout
        dials = [image["dials"] for image in json.loads(path.read_text())["images"]]
        assert all(0.1 <= one["overlap"] <= 0.3 for one in dials)
        assert all(one["size_ratio"] == pytest.approx(2) for one in dials)
    assert "images under the licence 'Attribution-ShareAlike License'" in result.stderr
    credit = (out / "CREDITS.csv").read_text()
    assert "by-sa" not in credit
    assert "creativecommons.org" in credit


def test_other_sources(relook: Run, mushrooms: list[str], tmp_path: Path) -> None:
    train, val = mushrooms
    arguments = ("--images", 2, "--val", 1, "--from", train, "--val-from", val, *SMALL)
    first = relook("data", "compose", tmp_path / "a", *arguments, "--seed", 5)
    assert first.exit_code == 0, first.stderr
    again = relook("data", "compose", tmp_path / "a", *arguments)
    assert again.exit_code == 2
    assert "usage error U04" in again.stderr
    content = json.loads((tmp_path / "a" / "annotations" / "instances_val.json").read_text())
    assert [one["name"] for one in content["categories"]] == ["mushroom"]
    assert content["info"]["seed"] == 5


def test_options_that_cannot_be_followed(relook: Run, mushrooms: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options, code, words in (
        (("--overlap", "much"), 2, "--overlap is 'much'"),
        (("--overlap", "0.4:0.2"), 2, "overlap is 0.4 to 0.2"),
        (("--objects", "2.5"), 2, "--objects is '2.5'"),
        (("--from", "a.json"), 2, "'a.json' is no JSON:IMAGES"),
        (("--from", mushrooms[0], "--val", 3), 2, "--val-from"),
        (("--datasets", tmp_path), 3, "D01"),
    ):
        result = relook("data", "compose", out, *options)
        assert result.exit_code == code
        assert words in " ".join(result.stderr.split())
    assert not out.exists()


def test_an_interruption_says_what_to_do(
    relook: Run, mushrooms: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("relook.data.compose.files.compose_image", interrupt)
    result = relook("data", "compose", tmp_path / "out", "--from", mushrooms[0])
    assert result.exit_code == 130
    assert "R01" in result.stderr
    assert f"the same command clears {tmp_path / 'out'}" in result.stderr
