"""``relook explain``, and stopping early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Any
NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei" / "images"


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "cells.png"
    with Image.open(sorted(NUCLEI.glob("*"))[0]) as whole:
        whole.convert("RGB").crop((0, 0, 160, 100)).save(path)
    return path


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("switches", "S in the whole image: "),
        ("looks", "P2, look 2: changed by"),
        ("stages", "3 of 3 stages: "),
    ],
)
def test_a_picture_and_its_numbers(
    what: str, says: str, relook: Run, picture: Path, tmp_path: Path
) -> None:
    options = ["-m", "nuclei", "--size", 160, 100, "--device", "cpu", "-o", tmp_path / "out"]
    result = relook("explain", what, picture, *options)
    assert result.exit_code == 0 and says in result.output
    with Image.open(tmp_path / "out" / f"{what}.png") as drawn:
        assert drawn.width > 300
    assert json.loads((tmp_path / "out" / f"{what}.json").read_text())


def test_a_model_without_it_is_told_so(
    relook: Run, box_model: Path, picture: Path, tmp_path: Path
) -> None:
    result = relook("explain", "looks", picture, "-m", box_model, "-o", tmp_path)
    assert result.exit_code == 2 and "U04" in result.output and "looks once" in result.output


def test_prediction_stops_early(relook: Run, picture: Path, tmp_path: Path) -> None:
    found = []
    for stages in (1, 3):
        out = tmp_path / str(stages)
        relook("predict", picture, "-m", "nuclei", "-o", out, "--stages", stages, "--save", "coco")
        found.append(json.loads((out / "predictions.json").read_text()))
    assert found[0] != found[1]
    result = relook("predict", picture, "-m", "nuclei", "-o", tmp_path, "--stages", 4)
    assert result.exit_code == 2 and "U03" in result.output and "1 to 3" in result.output
