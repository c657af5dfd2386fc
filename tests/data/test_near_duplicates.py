"""Near-identical images are found, and other images of the same kind are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

import relook
from relook.data.near_duplicates import find_near_duplicates, joined, near_duplicates
from relook.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
NUCLEI = ROOT / "datasets" / "nuclei" / "images"


def _cells(seed: int, count: int = 40) -> Image.Image:
    """A field of bright discs on an uneven background, the same in all fields."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :200]
    values = 60 + 60 * np.hypot((x - 100) / 100, (y - 80) / 80)
    for _ in range(count):
        cx, cy, radius = random.uniform(0, 200), random.uniform(0, 160), random.uniform(3, 7)
        values[np.hypot(x - cx, y - cy) < radius] += 60
    values += random.normal(0, 3, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((90, 70)),
    "larger": lambda image: image.resize((500, 400)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "colour": lambda image: image.convert("RGB"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_images_are_found_among_others(change: str, tmp_path: Path) -> None:
    paths = []
    for seed in range(6):
        paths.append(tmp_path / f"{seed}.png")
        _cells(seed).save(paths[-1])
    paths.append(tmp_path / "changed.jpg")
    CHANGES[change](_cells(2)).save(paths[-1], quality=40)
    assert near_duplicates(paths) == [(2, 6)]


def test_other_fields_with_the_same_scale_bar_are_not_found(tmp_path: Path) -> None:
    """The bar has more contrast than all cells together."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    paths = []
    for number in range(4):
        values = np.full((256, 256), 15.0)
        for _ in range(12):
            cx, cy = random.uniform(0, 256, 2)
            values[np.hypot(x - cx, y - cy) < 5] = 45
        values[238:244, 180:245] = 255
        values[10:22, 10:50] = 255
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(values.astype(np.uint8)).save(paths[-1])
    with Image.open(paths[0]) as image:
        image.resize((150, 150)).save(tmp_path / "copy.jpg")
    assert near_duplicates([*paths, tmp_path / "copy.jpg"]) == [(0, 4)]


def test_mirrored_and_turned_images_are_found_when_asked_for(tmp_path: Path) -> None:
    image = _cells(1)
    changed = [image, ImageOps.mirror(image), image.rotate(90, expand=True), _cells(2)]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, one in zip(paths, changed, strict=True):
        one.save(path)
    assert near_duplicates(paths) == []
    assert near_duplicates(paths, flips=True) == [(0, 1, 2)]


def test_real_fields_do_not_collide_and_a_time_series_is_seen() -> None:
    """Of 49 images of nuclei, two are near-identical: an embryo and the same a moment later."""
    paths = sorted(NUCLEI.glob("[2c]*.jpg"))
    (pair,) = relook.near_duplicates(paths)
    assert [paths[place].name[:5] for place in pair] == ["20b20", "cb4df"]


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    _cells(0).save(tmp_path / "a.png")
    for name in ("black.png", "black too.png"):
        Image.new("L", (50, 50)).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no image")
    names = ["a.png", "black.png", "broken.png", "black too.png", "a.png"]
    told: list[tuple[int, int]] = []
    found = find_near_duplicates(
        [tmp_path / name for name in names], progress=lambda *done: told.append(done)
    )
    assert (found.groups, found.plain) == (((0, 4),), (1, 3))
    assert [place for place, _ in found.unreadable] == [2]
    assert "broken.png" in found.unreadable[0][1]
    assert told[-1] == (5, 5)
    assert found.lines(names) == [
        "near-identical images: 1 group of 2 images in all (first: a.png, a.png)",
        "not compared: 1 image that cannot be read (broken.png)",
        "not compared: 2 images without detail (black.png, black too.png)",
    ]


def test_nothing_to_compare() -> None:
    assert near_duplicates([]) == []
    with pytest.raises(UsageError, match="max_distance is 64"):
        near_duplicates([], max_distance=64)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_groups_are_what_pairs_connect(pairs: list[tuple[int, int]]) -> None:
    groups = joined(10, pairs)
    places = [place for group in groups for place in group]
    assert len(places) == len(set(places))
    assert all(list(group) == sorted(group) and len(group) > 1 for group in groups)
    part = {place: number for number, group in enumerate(groups) for place in group}
    assert all(a == b or part[a] == part[b] for a, b in pairs)
    assert set(places) == {place for a, b in pairs if a != b for place in (a, b)}
