"""``relook data convert``: options, what it says, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from ..data.formats.samples import write_sample

Run = Callable[..., Result]


def test_a_conversion_is_said_and_the_next_command_named(relook: Run, tmp_path: Path) -> None:
    out = tmp_path / "coco out.json"
    write_sample(tmp_path / "set", "cellpose")
    result = relook("data", "convert", tmp_path / "set", out, "--class", "cell")
    assert result.exit_code == 0, result.stderr
    assert "set (Cellpose): 1 image, 1 object with masks" in result.stdout
    assert "classes: cell 1" in result.stdout
    assert f"relook train --train-json '{out}' --images {tmp_path / 'set'}" in result.stdout
    assert [row["name"] for row in json.loads(out.read_text())["categories"]] == ["cell"]


def test_all_options(relook: Run, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.json", tmp_path / "set"
    write_sample(folder, "voc")
    options = ("--from", "voc", "--images", folder / "JPEGImages", "--rectangles", "masks")
    options = (*options, "--outlines", "centres")
    result = relook("data", "convert", folder / "Annotations", out, *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(out.read_text())["annotations"][0]["area"] == 16
    for extra, code, words in (
        (("--split", "val"), 3, "no part 'val'"),
        (("--attribute", "name"), 2, "goes with VIA"),
        (("--objects", "ids"), 2, "goes with label images"),
        (("--class", "cell"), 2, "Leave --class out"),
    ):
        refused = relook("data", "convert", folder / "Annotations", out, *options, *extra)
        assert refused.exit_code == code
        assert words in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("labelme", ("--split", "train"), "annotations of LabelMe have no parts"),
        ("label-images", ("--outlines", "centres"), "--outlines is about shapes"),
        ("cellpose", ("--rectangles", "masks"), "annotations of Cellpose are pixels"),
    ],
)
def test_options_that_would_change_nothing(
    relook: Run, tmp_path: Path, name: str, options: tuple[str, str], words: str
) -> None:
    write_sample(tmp_path / "set", name)
    place = tmp_path / "set", tmp_path / "out.json"
    result = relook("data", "convert", *place, "--from", name, *options)
    assert result.exit_code == 2 and "U04" in result.stderr
    assert words in " ".join(result.stderr.split())
    assert not (tmp_path / "out.json").exists()
