"""Where the demonstration looks for its images."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.demo.datasets import find_data, part_of

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


def test_a_part_has_images_of_few_objects_and_of_many_and_is_always_the_same() -> None:
    index = find_data(ROOT / "datasets", "mushrooms").validation()
    part = part_of(index, 4)
    counts = sorted(len(record.objects) for record in index.images)
    assert sorted(len(r.objects) for r in part.images) == [counts[i] for i in (0, 2, 5, 7)]
    places = [index.images.index(record) for record in part.images]
    assert places == sorted(places)
    assert part.images == part_of(index, 4).images
    assert part_of(index, 10).images == part_of(index, 99).images == index.images
