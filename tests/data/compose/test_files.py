"""Composed data sets on disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.data.coco.reader import object_mask, read_coco
from relook.data.compose.files import Part, compose_data_set
from relook.data.compose.scene import Scene
from relook.data.compose.sources import Source
from relook.data.images import image_size
from relook.errors import DataError, UsageError
from relook.evaluation.crowding.rule import OVERLAPS, SHARES, HuddleRule, find_huddles
from relook.evaluation.ground_truth import read_ground_truth

SMALL = Scene(side=128, objects=(3, 6), sizes=(1, 2))


@pytest.fixture(scope="module")
def source(make_source: Callable[..., Source]) -> Source:
    return make_source()


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, source: Source) -> None:
    for name, seed, number in (("a", 3, 4), ("b", 3, 4), ("c", 4, 4), ("d", 3, 6)):
        compose_data_set(tmp_path / name, [Part("train", number, [source])], scene=SMALL, seed=seed)
    a, b, c, d = (files_in(tmp_path / name) for name in "abcd")
    assert a == b
    assert list(a) == [
        "CREDITS.csv",
        "LICENSE",
        "annotations/instances_train.json",
        *(f"images/train_{number:06}.jpg" for number in range(1, 5)),
    ]
    assert a.keys() == c.keys()
    assert a["images/train_000001.jpg"] != c["images/train_000001.jpg"]
    for name in (name for name in a if name.startswith("images")):
        assert a[name] == d[name]  # a larger data set begins with the smaller one


def test_what_is_written_is_what_is_visible(tmp_path: Path, source: Source) -> None:
    done: list[tuple[int, int]] = []
    part = Part("train", 12, [source])
    [report] = compose_data_set(
        tmp_path, [part], scene=SMALL, progress=lambda *numbers: done.append(numbers)
    )
    assert done == [(number, 12) for number in range(1, 13)]
    index = read_coco(report.path, tmp_path / "images", masks="required")
    assert index.skipped == index.adjusted == {}
    assert (len(index.images), index.num_objects) == (report.num_images, report.num_objects)
    assert index.num_crowd == 0
    assert {one.name for one in index.classes} == {"coin", "plate"}
    for image in index.images:
        assert image_size(image.path) == (128, 128) == (image.height, image.width)
        owners = np.zeros((128, 128), int)
        for thing in image.objects:
            mask = object_mask(thing, 128, 128)
            owners += mask
            assert mask.sum() == thing.area
            rows, columns = np.nonzero(mask)
            box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert thing.box == box
        assert owners.max() == 1


def test_dials_and_sources_are_written_down(tmp_path: Path, source: Source) -> None:
    [report] = compose_data_set(tmp_path, [Part("train", 5, [source])], scene=SMALL, seed=9)
    content = json.loads(report.path.read_text())
    assert content["info"]["seed"] == 9
    assert content["info"]["overlap"] == [0.0, 0.6]
    used = set()
    for image in content["images"]:
        assert 0 <= image["dials"]["overlap"] <= 0.6
        assert 1 <= image["dials"]["size_ratio"] <= 2
        assert 3 <= image["dials"]["num_objects"] <= 6
        used.update(image["sources"])
    with (tmp_path / "CREDITS.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {f"{row['data_set']}/{row['file_name']}" for row in rows} == used
    assert used <= {f"discs/0_{number}.png" for number in range(1, 5)}


def test_one_class(tmp_path: Path, source: Source) -> None:
    part = Part("train", 3, [source])
    [report] = compose_data_set(tmp_path, [part], scene=SMALL, one_class=True)
    content = json.loads(report.path.read_text())
    assert content["categories"] == [{"id": 1, "name": "object"}]
    assert {one["category_id"] for one in content["annotations"]} == {1}


def test_no_image_is_a_source_of_both_parts(
    tmp_path: Path, source: Source, make_source: Callable[..., Source]
) -> None:
    larger = make_source(num_images=6)  # the first four images are those of `source`
    parts = [Part("train", 6, [source]), Part("val", 6, [larger])]
    train, val = compose_data_set(tmp_path, parts, scene=SMALL)
    assert val.sources_left_out["images that the other part has as well"] == 4
    used: list[set[str]] = []
    for report in (train, val):
        images = json.loads(report.path.read_text())["images"]
        used.append({name for image in images for name in image["sources"]})
    assert used[0] and used[1]
    assert not used[0] & used[1]
    assert used[1] <= {"discs/0_5.png", "discs/0_6.png"}
    with pytest.raises(DataError, match="D11"):
        compose_data_set(
            tmp_path / "b",
            [Part("train", 1, [larger]), Part("val", 1, [source])],
            scene=SMALL,
        )


@pytest.mark.slow
def test_the_default_scene_fills_every_cell_of_the_grid(tmp_path: Path, datasets: Path) -> None:
    folder = datasets / "mushrooms"
    source = Source(folder / "annotations" / "instances_train.json", folder / "images")
    scene = Scene(side=128)
    [report] = compose_data_set(tmp_path, [Part("train", 200, [source])], scene=scene)
    huddles = find_huddles(read_ground_truth(report.path), HuddleRule())
    counts = np.array([[len(huddles.images(o, p)) for p in SHARES] for o in OVERLAPS])
    assert counts.min() >= 20
    assert counts[1, 0] > counts[2, 0] > counts[3, 0] > counts[4, 0] > counts[5, 0]
    assert counts[5, 0] > counts[5, 2] > counts[5, 4]


def test_nothing_is_written_over(tmp_path: Path, source: Source) -> None:
    parts: list[Any] = [Part("train", 1, [source])]
    (tmp_path / "empty").mkdir()
    compose_data_set(tmp_path / "empty", parts, scene=SMALL)
    before = files_in(tmp_path)
    with pytest.raises(UsageError, match=r"U04.*empty exists"):
        compose_data_set(tmp_path / "empty", parts, scene=SMALL, seed=1)
    assert files_in(tmp_path) == before
    with pytest.raises(UsageError, match="U03"):
        compose_data_set(tmp_path / "other", [Part("train", 0, [source])], scene=SMALL)
