"""``relook data panoptic``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from relook.data.panoptic.reader import read_panoptic

Run = Callable[..., Result]
MakeDataset = Callable[..., Path]


def test_objects_become_things_and_the_rest_stuff(
    relook: Run, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "a", [[(0, 0, 32, 32)], [(20, 20, 16, 16)]])
    images, out = path.parent / "images", tmp_path / "made" / "maps.json"
    result = relook("data", "panoptic", path, out, "--stuff", "glass")
    assert result.exit_code == 0, result.stderr
    assert "2 images, 2 things; 84% of the pixels are stuff" in result.stdout
    index = read_panoptic(out, images)
    assert [c.name for c in index.stuff] == ["glass"]
    again = relook("data", "panoptic", path, out, "--images", images)
    assert again.exit_code == 2 and "nothing is overwritten" in " ".join(again.stderr.split())
