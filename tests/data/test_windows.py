"""Training windows of large images: the samples that cutting whole images gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from relook.data import dataset, windows
from relook.data.augment.rule import Augment
from relook.data.augment.transforms import (
    LargeScaleJitterCrop,
    evaluation_transforms,
    training_transforms,
)
from relook.data.batching import Sample
from relook.data.coco.reader import CocoIndex, read_coco
from relook.data.dataset import CocoDataset
from relook.data.semantics import SemanticChoice
from relook.data.windows import leading_crop
from relook.errors import DataError, UsageError
from relook.ops.masks import dense_masks

HEIGHT, WIDTH = 160, 224
AUGMENT = Augment(crop=(64, 64), scale_jitter=(1.0, 4.0), flip=0.5, quarter_turns=True)
PAINTED = SemanticChoice("instances", 2, "a test")


def _written(folder: Path, dtype: str, orientation: int = 1) -> CocoIndex:
    """A tiled TIFF with 60 overlapping discs, two of them crowd regions."""
    random = np.random.default_rng(3)
    pixels = random.integers(0, 200, (HEIGHT, WIDTH, 3)).astype(dtype)
    if dtype != "uint8":
        pixels *= 11
    tags = [(274, "H", 1, orientation, True)]
    path = folder / "a.tif"
    tifffile.imwrite(path, pixels, tile=(32, 48), photometric="rgb", extratags=tags)
    annotations: list[dict[str, Any]] = []
    for number in range(60):
        x, y, radius = random.uniform(0, WIDTH), random.uniform(0, HEIGHT), random.uniform(2, 12)
        turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        points = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)
        points = points.clip(0, [WIDTH, HEIGHT]).round(1)
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1 + number % 2,
                "iscrowd": int(number in (7, 30)),
                "segmentation": [points.ravel().tolist()],
            }
        )
    top = {
        "images": [{"id": 1, "file_name": "a.tif", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": annotations,
    }
    (folder / "a.json").write_text(json.dumps(top))
    return read_coco(folder / "a.json", folder, frame="stored")


def _samples(data: CocoDataset, seeds: range) -> list[Sample]:
    samples = []
    for seed in seeds:
        torch.manual_seed(seed)
        samples.append(data[0])
    return samples


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))


@pytest.mark.parametrize(
    ("dtype", "orientation", "semantics"),
    [("uint8", 1, None), ("uint8", 1, PAINTED), ("uint16", 1, None), ("uint8", 6, PAINTED)],
)
@pytest.mark.parametrize("masks", ["auto", "ignored"])
def test_windows_are_parts_of_the_whole(
    dtype: str,
    orientation: int,
    semantics: SemanticChoice | None,
    masks: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = _written(tmp_path, dtype, orientation)
    if masks == "ignored":
        index = read_coco(index.path, tmp_path, masks="ignored", frame="stored")
        semantics = None
    data = CocoDataset(index, training_transforms((128, 128), AUGMENT), semantics)
    whole = _samples(data, range(6))
    monkeypatch.setattr(dataset, "LARGE", 100)
    monkeypatch.setattr(dataset, "read_image", None)  # which reads whole images
    for before, after in zip(whole, _samples(data, range(6)), strict=True):
        np.testing.assert_array_equal(before.image, after.image)
        assert before.original_size == after.original_size
        one, other = before.target, after.target
        assert one is not None and other is not None
        assert _same(one.boxes, other.boxes) and _same(one.labels, other.labels)
        assert _same(one.semantic, other.semantic)
        if one.masks is None or other.masks is None:
            assert one.masks is other.masks
        else:
            assert torch.equal(dense_masks(one.masks), dense_masks(other.masks))
    assert {len(sample.target.boxes) for sample in whole if sample.target} != {0}


def test_only_a_crop_of_a_large_windowed_image_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _written(tmp_path, "uint8")
    monkeypatch.setattr(dataset, "window_sample", None)  # which nothing here calls
    monkeypatch.setattr(dataset, "LARGE", 100)
    assert CocoDataset(index, evaluation_transforms((64, 64)))[0].image.shape[2] == 3
    assert CocoDataset(index)[0].image.shape == (HEIGHT, WIDTH, 3)
    pixels = tifffile.imread(tmp_path / "a.tif")
    Image.fromarray(pixels).save(tmp_path / "a.tif", format="PNG")  # which is decoded whole
    found = CocoDataset(index, training_transforms((64, 64), AUGMENT))[0].image
    assert max(found.shape[:2]) <= 64


def test_other_sizes_and_windows_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _written(tmp_path, "uint8")
    monkeypatch.setattr(dataset, "LARGE", 100)
    data = CocoDataset(index, training_transforms((64, 64), AUGMENT))
    for name, most in (
        ("PIL.Image.MAX_IMAGE_PIXELS", 100),
        (f"{windows.__name__}._MOST_OF_MASKS", 9),
    ):
        with monkeypatch.context() as limited:
            limited.setattr(name, most)
            with pytest.raises(UsageError, match=r"U03.*scale_jitter"):
                data[0]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((96, 96, 3), np.uint8), tile=(32, 32))
    with pytest.raises(DataError, match="D10"):
        data[0]


def test_the_crop_is_found_where_it_is_first() -> None:
    crop, flip = LargeScaleJitterCrop((1, 2), (8, 8)), v2.RandomHorizontalFlip()
    assert leading_crop(v2.Compose([crop, flip])) == (crop, [flip])
    assert leading_crop(crop) == (crop, [])
    for other in (None, flip, v2.Compose([flip, crop])):
        assert leading_crop(other) is None
