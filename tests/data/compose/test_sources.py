"""Which cut-outs and backgrounds are taken from annotated images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from relook.data.compose.sources import (
    Materials,
    Source,
    default_sources,
    free_square,
    read_materials,
)
from relook.errors import DataError

Make = Callable[..., Source]


@pytest.fixture(scope="module")
def materials(make_source: Make) -> Materials:
    return read_materials([make_source()])


def changed(source: Source, change: Callable[[dict[str, Any]], None]) -> Source:
    content = json.loads(source.annotations.read_text())
    change(content)
    source.annotations.write_text(json.dumps(content))
    return source


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_the_free_square_is_free_and_none_is_larger(occupied: Any) -> None:
    left, top, side = free_square(occupied)
    assert not occupied[top : top + side, left : left + side].any()
    height, width = occupied.shape
    assert left + side <= width
    assert top + side <= height
    larger = side + 1
    for y in range(height - larger + 1):
        for x in range(width - larger + 1):
            assert occupied[y : y + larger, x : x + larger].any()


def test_a_cut_out_is_the_object_of_its_image(make_source: Make) -> None:
    source = make_source()
    [group] = read_materials([source]).cut_outs
    assert len(group) == 12
    assert {one.class_name for one in group} == {"coin", "plate"}
    small = min(group, key=lambda one: one.size)
    pixels, mask = small.cut()
    assert small.longest == 24
    assert small.size == pytest.approx(12 * np.pi**0.5)
    assert mask.shape == pixels.shape[:2] == (26, 26)
    assert abs(mask.sum() - np.pi * 144) < 20
    assert not mask[0].any() and not mask[:, 0].any()
    whole = np.asarray(Image.open(source.images / small.origin.file_name))
    np.testing.assert_array_equal(pixels, whole[27:53, 7:33])


def test_a_background_shows_no_object(materials: Materials) -> None:
    background = materials.draw_background(np.random.default_rng(0))
    assert background.top >= 60 or background.left >= 155  # below or beside all discs
    assert background.cut().shape == (background.side, background.side, 3)
    assert background.side == 85  # from the lower edge of the largest disc, 75, to 160


def test_what_is_not_cut_out_is_counted(make_source: Make) -> None:
    def change(content: dict[str, Any]) -> None:
        first, second, third, fourth, *_ = content["annotations"]
        first["iscrowd"] = 1
        second["bbox"][0] = 0
        third["area"] = 100
        fourth["area"] = 150

    materials = read_materials([changed(make_source(num_images=2), change)])
    assert materials.skipped == {
        "crowd regions": 1,
        "objects that touch the border of their image": 1,
        "objects of less than 12 x 12 pixels": 1,
        "objects that fill little of their box": 1,
    }
    assert [len(group) for group in materials.cut_outs] == [2]


LICENCES = [
    {"id": 1, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"},
    {"id": 2, "name": "Share", "url": "http://creativecommons.org/licenses/by-sa/2.0/"},
    {"id": 3, "name": "CC0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"},
]


def test_only_licences_that_ask_for_no_more_than_a_name(make_source: Make) -> None:
    def change(content: dict[str, Any]) -> None:
        for image, licence in zip(content["images"], (1, 2, 3), strict=False):
            image["license"] = licence

    source = changed(make_source(licenses=LICENCES), change)
    materials = read_materials([source])
    assert materials.skipped == {"images under the licence 'Share'": 1}
    taken = {one.origin.licence for one in materials.cut_outs[0]}
    assert taken == {"Attribution License", "CC0", ""}  # "": the file names none
    assert read_materials([source], any_licence=True).skipped == {}


def test_an_image_under_another_name_is_the_same_image(make_source: Make) -> None:
    source = make_source(num_images=3)
    first = read_materials([source])
    copy = make_source(seed=0, num_images=4)  # drawn alike: three images of it are the same
    for path in copy.images.iterdir():
        path.rename(path.with_name(f"x{path.name}"))

    def rename(content: dict[str, Any]) -> None:
        for image in content["images"]:
            image["file_name"] = f"x{image['file_name']}"

    changed(copy, rename)
    second = read_materials([copy], other_than=first.digests)
    assert second.skipped["images that the other part has as well"] == 3
    assert not second.digests & first.digests
    assert {one.origin.file_name for one in second.cut_outs[0]} == {"x0_4.png"}
    with pytest.raises(DataError, match=r"D11.*no object.*4 images that the other part"):
        read_materials([copy], other_than=first.digests | second.digests)


def test_objects_everywhere_leave_no_background(make_source: Make) -> None:
    def change(content: dict[str, Any]) -> None:
        for image in content["images"]:
            content["annotations"].append(
                {
                    "id": 100 + image["id"],
                    "image_id": image["id"],
                    "category_id": 2,
                    "bbox": [0, 0, 200, 160],
                    "area": 32000,
                    "iscrowd": 1,
                    "segmentation": [[0, 0, 200, 0, 200, 160, 0, 160]],
                }
            )

    with pytest.raises(DataError, match=r"D11.*no background.*4 crowd regions"):
        read_materials([changed(make_source(), change)])


def test_an_image_of_another_size(make_source: Make) -> None:
    source = make_source(num_images=1)
    Image.new("RGB", (100, 90)).save(source.images / "0_1.png")
    with pytest.raises(DataError, match=r"D10.*100x90.*200x160"):
        read_materials([source])


@given(size=st.floats(8, 200), seed=st.integers(0, 50))
def test_cut_outs_are_enlarged_to_twice_their_size_at_most(
    materials: Materials, size: float, seed: int
) -> None:
    drawn = materials.draw_cut_out(size, 128, np.random.default_rng(seed))
    largest = max(one.size for one in materials.cut_outs[0])
    if drawn is None:
        assert size > 2 * largest or size * 2 / np.pi**0.5 >= 0.9 * 128
    else:
        assert drawn.size * 2 >= size
        assert drawn.longest * size / drawn.size < 0.9 * 128


def test_every_source_is_as_likely(make_source: Make) -> None:
    materials = read_materials([make_source(1, 20), make_source(2, 1)])
    random = np.random.default_rng(0)
    names = [materials.draw_cut_out(10, 128, random).origin.file_name for _ in range(400)]  # type: ignore[union-attr]
    assert 150 < sum(name == "2_1.png" for name in names) < 250


def test_the_data_sets_of_a_checkout(datasets: Path, tmp_path: Path) -> None:
    sources = default_sources(datasets, "val")
    assert [source.images.parent.name for source in sources] == ["coco_mini", "mushrooms", "nuclei"]
    assert all(source.annotations.is_file() for source in sources)
    with pytest.raises(DataError, match=r"D01.*coco_mini.*come with the source code.*--from"):
        default_sources(tmp_path, "train")
