"""``relook data convert``: options, what it says, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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
