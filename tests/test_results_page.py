"""The commands of docs/results.md, run with a detector that knows the truth."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from typer.testing import CliRunner

from relook import api
from relook.cli.app import app

from .inference.batch.discs import disc_predictor, picture

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"
COMMANDS = re.findall(r"^relook .*", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, now the current one, with the images that the page names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "load", lambda *_, **__: disc_predictor())
    Path("images").mkdir()
    for frame in (1, 2):
        Image.fromarray(picture(frame)).save(f"images/{frame}.png")
    pixels = np.moveaxis(picture(3), -1, 0)
    transform = rasterio.Affine(0.5, 0, 500_000, 0, -0.5, 5_800_000)
    with rasterio.open(
        "survey.tif", "w", "GTiff", 96, 64, 3, "EPSG:32633", transform, "uint8", photometric="RGB"
    ) as file:
        file.write(pixels)
    return tmp_path


def test_there_is_a_command_for_every_question() -> None:
    questions = PAGE.read_text(encoding="utf-8").split("## How do I get")[1].split("\n## ")[0]
    assert len(re.findall(r"^\*\*", questions, re.MULTILINE)) == questions.count("```sh") == 11


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_saves_what_the_page_says(images: Path, command: str) -> None:
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    (kinds,) = re.findall(r"--save (\S+)", command)
    expected = {
        "csv": "objects",
        "counts": "counts",
        "cvat": "cvat",
        "label-studio": "label-studio",
    }
    for kind in kinds.split(","):
        found = [*images.rglob(f"{expected.get(kind, kind)}*")]
        assert found, f"{kind}: nothing in {[*images.rglob('*')]}"
