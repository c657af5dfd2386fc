"""Splits: every image once, groups whole, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from PIL import Image, ImageOps

from relook.data.coco.records import CocoIndex
from relook.data.splits import Split, fold_images, split_images
from relook.errors import DataError, UsageError

MakeIndex = Callable[..., CocoIndex]
IMAGES = Path("images")
_SCENES = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.integers(0, 3), max_size=5)), min_size=3, max_size=40
)


def _split(index: CocoIndex, **options: object) -> Split:
    return split_images(index, IMAGES, near_duplicates=False, **options)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(_SCENES, st.sampled_from([(0.2, 0.0), (0.2, 0.1), (0.0, 0.3)]), st.integers(0, 2))
def test_every_image_is_in_one_part_and_groups_are_whole(
    make_index: MakeIndex,
    scenes: list[tuple[int, list[int]]],
    shares: tuple[float, float],
    seed: int,
) -> None:
    names = [f"{group}/{number}.png" for number, (group, _) in enumerate(scenes)]
    index = make_index([labels for _, labels in scenes], names)
    groups = {group for group, _ in scenes}
    options = {"val": shares[0], "test": shares[1], "seed": seed}
    parts = 1 + sum(share > 0 for share in shares)
    if len(groups) < parts:
        with pytest.raises(DataError, match="D11"):
            _split(index, group="folder", **options)
    else:
        _check(index, _split(index, group="folder", **options), shares, True)
        assert _split(index, group="folder", **options) == _split(index, group="folder", **options)
    _check(index, _split(index, **options), shares, False)


def _check(index: CocoIndex, split: Split, shares: tuple[float, float], has_groups: bool) -> None:
    ids = [image.id for image in index.images]
    assert sorted(chain(split.train, split.val, split.test)) == sorted(ids)
    part_of = {image: name for name, own in split.parts().items() for image in own}
    sizes: dict[str, int] = {}
    for image in index.images:
        group = image.file_name.split("/")[0] if has_groups else str(image.id)
        sizes[group] = sizes.get(group, 0) + 1
        if has_groups:
            first = next(one for one in index.images if one.file_name.split("/")[0] == group)
            assert part_of[image.id] == part_of[first.id]
            assert split.groups[image.id] == group
    tolerance = 2 * max(sizes.values())
    for own, share in ((split.val, shares[0]), (split.test, shares[1])):
        assert abs(len(own) - share * len(ids)) <= tolerance
        assert bool(own) == (share > 0)


def test_shares_are_exact_without_groups(make_index: MakeIndex) -> None:
    index = make_index([[number % 2] * (number % 7) for number in range(100)])
    split = _split(index, val=0.2, test=0.1)
    assert [len(split.train), len(split.val), len(split.test)] == [70, 20, 10]
    assert split.lines[0].startswith("train: 70 images (70%)")
    assert not [line for line in split.lines if line.startswith("not balanced")]
    assert list(split.val) == sorted(split.val)


def test_a_file_under_two_ids_is_in_one_part(make_index: MakeIndex) -> None:
    index = make_index([[0]] * 12, [f"{number // 2}.png" for number in range(12)])
    for seed in range(4):
        split = _split(index, val=0.5, seed=seed)
        assert all((image % 2 == 0) or image + 1 in split.val for image in split.val)
        assert len(split.val) == 6


def test_what_is_no_object_is_said(make_index: MakeIndex) -> None:
    index = make_index([[0]] * 5)
    first = index.images[0]
    crowd = replace(first, objects=(structs.replace(first.objects[0], is_crowd=True),))
    index = replace(index, images=(crowd, *index.images[1:]), skipped={"area is 0 or less": 3})
    assert _split(index).lines[:2] == (
        "no usable object, kept: 3 x area is 0 or less",
        "no single object, kept: 1 crowd region",
    )


def test_what_is_asked_for_must_be_possible(make_index: MakeIndex) -> None:
    index = make_index([[0]] * 10)
    for val, test in ((0.0, 0.0), (0.6, 0.4), (1.0, 0.0), (-0.1, 0.2), (float("nan"), 0.0)):
        with pytest.raises(UsageError, match="U03"):
            _split(index, val=val, test=test)
    with pytest.raises(DataError, match=r"10 images in 1 group that stay together cannot"):
        _split(index, group="name:png")
    with pytest.raises(UsageError, match="at least 2 folds"):
        fold_images(index, IMAGES, folds=1)


@pytest.mark.parametrize("test", [0.0, 0.2])
def test_folds_validate_every_image_once(make_index: MakeIndex, test: float) -> None:
    index = make_index([[0]] * 23)
    splits = fold_images(index, IMAGES, folds=4, test=test, near_duplicates=False)
    kept = [image.id for image in index.images if image.id not in splits[0].test]
    assert sorted(chain.from_iterable(split.val for split in splits)) == kept
    for split in splits:
        assert split.test == splits[0].test
        assert sorted((*split.train, *split.val)) == kept
        assert abs(len(split.val) - len(kept) / 4) < 2
    assert abs(len(splits[0].test) - test * 23) < 1


def test_near_identical_images_stay_together(make_index: MakeIndex, tmp_path: Path) -> None:
    index = make_index([[0]] * 8, [f"{number % 4}/{number}.png" for number in range(8)])
    small = np.random.default_rng(0).integers(0, 255, (4, 12, 12), dtype=np.uint8)
    images = []
    for number, image in enumerate(index.images):
        path = tmp_path / image.file_name
        path.parent.mkdir(exist_ok=True)
        picture = Image.fromarray(small[number // 2]).resize((80, 80), Image.Resampling.BICUBIC)
        picture = picture.resize((80 + 10 * number, 80))
        (ImageOps.mirror(picture) if number % 2 else picture).save(path)
        images.append(replace(image, path=path))
    index = replace(index, images=tuple(images))
    for seed in range(4):
        split = split_images(index, tmp_path, val=0.25, seed=seed)
        assert len(split.val) == 2 and split.val[0] % 2 == 1 and split.val[1] == split.val[0] + 1
    assert split.lines[0].startswith("near-identical images: 4 groups of 8 images in all")
    split = split_images(index, tmp_path, val=0.5, group="folder")
    assert "near-identical images join 2 pairs of groups (first: '0' and '1')" in split.lines[2]
