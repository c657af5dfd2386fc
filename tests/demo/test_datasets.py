"""Where the demonstration looks for its images."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.demo.datasets import find_data
from relook.errors import DataError

ROOT = Path(__file__).resolve().parents[2]


def test_other_folders_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--data FOLDER") as caught:
        find_data(tmp_path, "nuclei")
    assert caught.value.code == "D01"
    assert str(tmp_path / "nuclei") in str(caught.value)


@pytest.mark.parametrize(("name", "images"), [("nuclei", 93), ("mushrooms", 10)])
def test_the_repository_has_them(name: str, images: int) -> None:
    assert len(find_data(ROOT / "datasets", name).validation().images) == images
