from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.coco.reader import Category, CocoIndex, read_coco
from relook.data.panoptic.reader import read_panoptic
from relook.data.semantics import (
    choose_semantics,
    panoptic_semantics,
    read_semantic_map,
    semantic_from_instances,
    semantic_map_path,
)
from relook.errors import DataError, UsageError


@pytest.fixture
def index(document: dict[str, Any], write: Callable[[object], Path], images_dir: Path) -> CocoIndex:
    return read_coco(write(document), images_dir)


@pytest.fixture
def maps_dir(index: CocoIndex, tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    for image in index.images:
        path = semantic_map_path(folder, image.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((image.height, image.width), np.uint8)).save(path)
    return folder


def test_auto_takes_maps_then_instances_then_nothing(index: CocoIndex, maps_dir: Path) -> None:
    maps = choose_semantics("auto", index, maps_dir)
    assert (maps.mode, maps.num_classes, maps.maps_dir) == ("maps", None, maps_dir)
    painted = choose_semantics("auto", index)
    assert (painted.mode, painted.num_classes) == ("instances", 3)
    assert "instance masks" in painted.reason
    boxes_only = choose_semantics("auto", replace(index, has_masks=False))
    assert (boxes_only.mode, boxes_only.num_classes) == ("none", None)
    assert "boxes only" in boxes_only.reason
    many = tuple(Category(n, str(n)) for n in range(255))
    assert choose_semantics("auto", replace(index, classes=many)).mode == "none"
    assert choose_semantics("auto", replace(index, classes=many[:254])).num_classes == 255


def test_what_is_asked_for_is_done_or_refused(index: CocoIndex, maps_dir: Path) -> None:
    assert choose_semantics("none", index, maps_dir).mode == "none"
    assert choose_semantics("instances", index, maps_dir).mode == "instances"
    assert choose_semantics("maps", index, str(maps_dir)).mode == "maps"
    with pytest.raises(UsageError, match="U04"):
        choose_semantics("maps", index)
    with pytest.raises(UsageError, match=r"U04.*boxes only"):
        choose_semantics("instances", replace(index, has_masks=False))
    with pytest.raises(UsageError, match="U03"):
        choose_semantics("some", index)  # type: ignore[arg-type]


def test_missing_maps_are_named(index: CocoIndex, maps_dir: Path) -> None:
    (maps_dir / "sub" / "b.png").unlink()
    with pytest.raises(DataError, match=r"D12.*1 of 2 images: sub/b\.png"):
        choose_semantics("auto", index, maps_dir)
    with pytest.raises(DataError, match="D01"):
        choose_semantics("maps", index, maps_dir / "no")


def test_smaller_objects_are_on_top_and_crowds_are_not_labelled() -> None:
    masks = np.zeros((3, 6, 6), bool)
    masks[0, 2:4, 2:4] = True
    masks[1, :5, :5] = True
    masks[2, 3, 3] = True
    crowd = np.zeros((6, 6), bool)
    crowd[0] = True
    painted = semantic_from_instances(masks, [0, 1, 1], crowd, 2)
    assert painted.dtype == np.uint8
    assert painted.tolist() == [
        [255] * 6,
        [1, 1, 1, 1, 1, 2],
        [1, 1, 0, 0, 1, 2],
        [1, 1, 0, 1, 1, 2],
        [1, 1, 1, 1, 1, 2],
        [2, 2, 2, 2, 2, 2],
    ]
    empty = semantic_from_instances(np.zeros((0, 2, 3), bool), [], None, 2)
    assert empty.tolist() == [[2, 2, 2], [2, 2, 2]]


def test_maps_are_read_as_they_are(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)
    Image.fromarray(labels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_semantic_map(tmp_path / "a.png", (2, 3), 3), labels)
    np.testing.assert_array_equal(read_semantic_map(tmp_path / "a.png", (2, 3), None), labels)
    with pytest.raises(DataError, match=r"D12.*labels 2, the model has 0 to 1"):
        read_semantic_map(tmp_path / "a.png", (2, 3), 2)
    with pytest.raises(DataError, match=r"D12.*3x2 \(width x height\), its image 2x3"):
        read_semantic_map(tmp_path / "a.png", (3, 2), 3)


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "1", "I;16", "LA"])
def test_maps_of_other_kinds_are_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=f"D12.*mode {mode}"):
        read_semantic_map(tmp_path / "a.png", (2, 3), 3)


def test_maps_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D12.*no such semantic map"):
        read_semantic_map(tmp_path / "no.png", (2, 3), 3)
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(DataError, match=r"D12.*cannot be read"):
        read_semantic_map(tmp_path / "a.png", (2, 3), 3)


def test_panoptic_labels_are_stuff_and_things(panoptic: Any) -> None:
    index = read_panoptic(panoptic.json, panoptic.images)
    choice = panoptic_semantics(index)
    assert (choice.mode, choice.num_classes) == ("panoptic", 3)
    assert choice.reason == f"panoptic maps in {panoptic.maps}"
    assert choice.panoptic is not None
    labels = choice.panoptic.read(7)
    assert labels.dtype == np.uint8
    ids = panoptic.ids["a.png"]
    assert set(labels[ids == 0]) == {255}
    assert set(labels[ids == 7]) == {0}  # grass, the first kind of stuff
    assert set(labels[ids == 300]) == set(labels[ids == 70_000]) == {2}
    assert set(labels[ids == 9]) == {2}  # a crowd of cats is things all the same
    assert set(choice.panoptic.read(3).ravel()) == {1}  # sky


def test_panoptic_labels_of_maps_that_cannot_be_used(panoptic: Any) -> None:
    index = read_panoptic(panoptic.json, panoptic.images)
    choice = panoptic_semantics(index)
    assert choice.panoptic is not None
    with pytest.raises(DataError, match=r"D06.*image 8"):
        choice.panoptic.read(8)
    panoptic.save("a.png", np.full((10, 20), 300))
    with pytest.raises(DataError, match=r"D15.*image 7"):
        choice.panoptic.read(7)
    many = tuple(replace(index.categories[1], id=n) for n in range(255))
    with pytest.raises(UsageError, match=r"U04.*255 classes of stuff"):
        panoptic_semantics(replace(index, categories=many))
    assert panoptic_semantics(replace(index, categories=many[:254])).num_classes == 255
