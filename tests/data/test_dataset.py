from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from relook.data.augment.copy_paste import CopyPaste
from relook.data.augment.rule import Augment
from relook.data.augment.transforms import evaluation_transforms, training_transforms
from relook.data.batching import collate
from relook.data.coco.reader import CocoIndex, object_mask, read_coco
from relook.data.dataset import CocoDataset
from relook.data.panoptic.reader import read_panoptic, to_coco_index
from relook.data.semantics import (
    SemanticChoice,
    choose_semantics,
    panoptic_semantics,
    semantic_map_path,
)
from relook.errors import DataError, UsageError
from relook.ops.masks import dense_masks

Document = dict[str, Any]
NO_MEAN, NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@pytest.fixture
def index(document: Document, write: Callable[[object], Path], images_dir: Path) -> CocoIndex:
    return read_coco(write(document), images_dir)


def test_samples_hold_objects_but_no_crowds(index: CocoIndex, images_dir: Path) -> None:
    dataset = CocoDataset(index)
    assert len(dataset) == 2
    sample = dataset[0]
    np.testing.assert_array_equal(sample.image, np.asarray(Image.open(images_dir / "a.png")))
    assert (sample.original_size, sample.image_id, sample.file_name) == ((10, 20), 7, "a.png")
    target = sample.target
    assert target is not None
    assert target.boxes.tolist() == [[2, 1, 8, 5]]
    assert target.labels.tolist() == [1]
    assert type(target.boxes) is type(target.labels) is torch.Tensor
    assert target.semantic is None
    assert target.masks is not None
    expected = object_mask(index.images[0].objects[0], 10, 20)
    dense = dense_masks(target.masks)[0].numpy()
    np.testing.assert_array_equal(dense[:10, :20], expected)
    assert target.masks.size == (96, 96)  # of the padded image
    assert dense.sum() == expected.sum()


def test_semantics_from_instances(index: CocoIndex) -> None:
    target = CocoDataset(index, None, choose_semantics("auto", index))[0].target
    assert target is not None
    assert target.semantic is not None
    expected = np.full((10, 20), 2)
    expected[1:5, 2:8] = 1
    expected[0] = 255  # the crowd
    assert target.semantic.tolist() == expected.tolist()
    assert target.semantic.dtype == torch.uint8


def test_semantics_from_maps(index: CocoIndex, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    for image in index.images:
        path = semantic_map_path(folder, image.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = np.arange(image.width * image.height).reshape(image.height, -1) % 5
        Image.fromarray(labels.astype(np.uint8)).save(path)
    choice = choose_semantics("maps", index, folder)
    target = CocoDataset(index, evaluation_transforms((40, 40)), choice)[0].target
    assert target is not None
    assert target.semantic is not None
    assert target.semantic.shape == (20, 40)
    assert target.semantic[0, :4].tolist() == [0, 0, 1, 1]
    with pytest.raises(DataError, match="D12"):
        CocoDataset(index, None, choice, num_semantic_classes=4)[0]


def test_boxes_only(document: Document, write: Callable[[object], Path], images_dir: Path) -> None:
    index = read_coco(write(document), images_dir, masks="ignored")
    dataset = CocoDataset(
        index, training_transforms((64, 64), Augment(scale_jitter=(1.0, 1.0), crop=(32, 32)))
    )
    for sample in (dataset[0], dataset[1]):
        assert sample.target is not None
        assert sample.target.masks is None
        assert len(sample.target.boxes) == 1


def test_filters_are_counted(
    document: Document, write: Callable[[object], Path], images_dir: Path
) -> None:
    del document["annotations"][0]  # only the crowd is left in the first image
    index = read_coco(write(document), images_dir)
    assert len(CocoDataset(index)) == 2
    dataset = CocoDataset(index, keep_empty=False)
    assert [image.id for image in dataset.images] == [3]
    assert dataset.left_out == {"images without objects": 1}
    dataset = CocoDataset(index, min_image_side=16)
    assert dataset.left_out == {"images with a side below 16 pixels": 1}
    with pytest.raises(DataError, match=r"D11.*1 images without objects.*"):
        CocoDataset(replace(index, images=index.images[:1]), keep_empty=False)
    with pytest.raises(DataError, match="D11"):
        CocoDataset(replace(index, images=()))


def test_an_image_without_objects_is_a_sample(
    document: Document, write: Callable[[object], Path], images_dir: Path
) -> None:
    document["annotations"] = document["annotations"][2:]
    index = read_coco(write(document), images_dir)
    transforms = training_transforms(
        (64, 64), Augment(vertical_flip=1.0, quarter_turns=True, colour=0.2)
    )
    dataset = CocoDataset(index, transforms, choose_semantics("auto", index))
    images, targets = collate([dataset[0], dataset[1]], NO_MEAN, NO_STD)
    assert [len(target.boxes) for target in targets] == [0, 1]
    assert targets[0].boxes.shape == (0, 4)
    assert targets[0].masks is not None
    assert len(targets[0].masks) == 0
    assert targets[0].masks.size == images.padded_sizes[0]
    assert targets[0].semantic is not None
    assert (targets[0].semantic == 2).all()


def test_copy_paste_puts_objects_of_other_images_on_top(index: CocoIndex) -> None:
    semantics = choose_semantics("auto", index)
    small = index.images[1]  # 16 x 16 pixels, of which a square of 8 x 8 is an object
    dataset = CocoDataset(index, None, semantics, copy_paste=CopyPaste(Augment(copy_paste=1.0)))
    torch.manual_seed(0)
    for _ in range(10):
        sample = dataset[0]
        target = sample.target
        assert target is not None and target.masks is not None and target.semantic is not None
        assert (sample.image_id, sample.original_size) == (7, (10, 20))
        x1, y1, x2, y2 = (int(side) for side in target.boxes[-1])
        assert target.labels.tolist()[-1] == small.objects[0].label
        other = np.asarray(Image.open(small.path))[4:12, 4:12]
        cut = sample.image[y1:y2, x1:x2]
        # The square, perhaps cut by the upper or lower edge: this image is not as high.
        first = 8 - len(cut) if y1 == 0 else 0
        np.testing.assert_array_equal(cut, other[first : first + len(cut)])
        pasted = dense_masks(target.masks)[-1, :10, :20]
        assert pasted.sum() == (x2 - x1) * (y2 - y1)
        assert (target.semantic[pasted] == small.objects[0].label).all()
        others = dense_masks(target.masks)[:-1, :10, :20]
        assert not (others & pasted).any()


def test_another_size_than_the_file_says(index: CocoIndex, images_dir: Path) -> None:
    Image.new("RGB", (10, 20)).save(images_dir / "a.png")
    with pytest.raises(DataError, match=r'D10: train.json: image 7 \("a.png"\) is 10x20'):
        CocoDataset(index)[0]


def test_an_image_that_went_missing(index: CocoIndex, images_dir: Path) -> None:
    (images_dir / "a.png").unlink()
    with pytest.raises(DataError, match=r"D01.*a\.png"):
        CocoDataset(index)[0]


def test_transforms_must_leave_bytes(index: CocoIndex) -> None:
    dataset = CocoDataset(index, v2.ToDtype(torch.float32, scale=True))
    with pytest.raises(UsageError, match=r"U03.*float32"):
        dataset[0]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20000, 50)])
def test_extreme_images(
    width: int, height: int, write: Callable[[object], Path], tmp_path: Path
) -> None:
    Image.new("RGB", (width, height)).save(tmp_path / "a.png")
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "area": width * height}
    annotation["bbox"] = [0, 0, width, height]
    annotation["segmentation"] = {"size": [height, width], "counts": [0, width * height]}
    path = write(
        {
            "images": [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
            "categories": [{"id": 1, "name": "thing"}],
            "annotations": [annotation],
        }
    )
    index = read_coco(path, tmp_path)
    for transforms in (
        evaluation_transforms((1333, 800)),
        training_transforms((64, 64), Augment(scale_jitter=(0.1, 2.0), crop=(64, 64))),
    ):
        dataset = CocoDataset(index, transforms, choose_semantics("instances", index))
        sample = dataset[0]
        images, targets = collate([sample], NO_MEAN, NO_STD)
        assert min(images.pixels.shape[2:]) >= 96
        assert targets[0].masks is not None
        h, w = images.sizes[0]
        assert dense_masks(targets[0].masks)[:, :h, :w].all()
        # Scaled as 32-bit floats, then mirrored or not.
        np.testing.assert_allclose(targets[0].boxes, [[0, 0, w, h]], atol=1e-4)


def test_workers_of_a_fresh_interpreter(index: CocoIndex) -> None:
    choice = choose_semantics("auto", index)
    dataset = CocoDataset(index, training_transforms((64, 64), Augment(colour=0.2)), choice)
    assert len(pickle.loads(pickle.dumps(dataset))) == 2
    loader = DataLoader(
        dataset,
        batch_size=2,
        num_workers=1,
        multiprocessing_context="spawn",
        collate_fn=functools.partial(collate, mean=NO_MEAN, std=NO_STD),
    )
    ((images, targets),) = list(loader)
    assert len(images) == len(targets) == 2
    assert targets[1].masks is not None


@pytest.mark.parametrize("name", ["nuclei", "mushrooms", "coco_mini"])
def test_every_image_of_the_real_data(datasets: Path, name: str) -> None:
    folder = datasets / name
    index = read_coco(folder / "annotations" / "instances_val.json", folder / "images")
    crop = training_transforms(
        (256, 256), Augment(scale_jitter=(0.5, 2.0), crop=(128, 128), vertical_flip=0.5, colour=0.2)
    )
    dataset = CocoDataset(index, crop, choose_semantics("auto", index))
    torch.manual_seed(0)
    for sample in (dataset[n] for n in range(len(dataset))):
        target = sample.target
        assert target is not None
        assert target.masks is not None
        assert target.semantic is not None
        assert len(target.masks) == len(target.boxes) == len(target.labels)
        assert target.masks.crops.flatten(1).any(dim=1).all()
        assert target.semantic.shape == sample.image.shape[:2]
        assert max(sample.image.shape) <= 128


def test_no_semantics_by_default(index: CocoIndex) -> None:
    assert CocoDataset(index).semantics == SemanticChoice("none", None, "not asked for")


def test_objects_and_labels_of_panoptic_maps(panoptic: Any) -> None:
    panoptic_index = read_panoptic(panoptic.json, panoptic.images)
    choice = panoptic_semantics(panoptic_index)
    dataset = CocoDataset(to_coco_index(panoptic_index), None, choice)
    assert dataset.num_semantic_classes == 3
    target = pickle.loads(pickle.dumps(dataset))[0].target
    assert target.boxes.tolist() == [[2, 1, 8, 5], [2, 5, 8, 9]]
    assert target.labels.tolist() == [1, 1]
    ids = panoptic.ids["a.png"]
    masks = dense_masks(target.masks).numpy()[:, :10, :20]
    np.testing.assert_array_equal(masks, [ids == 70_000, ids == 300])
    expected = np.select([ids == 0, ids == 7], [255, 0], 2)
    np.testing.assert_array_equal(target.semantic.numpy(), expected)
    panoptic.save("a.png", np.full((10, 20), 300))
    with pytest.raises(DataError, match=r"D15.*a\.png"):
        dataset[0]


@pytest.mark.parametrize("copy_paste", [None, CopyPaste(Augment(copy_paste=1.0))])
def test_real_panoptic_maps_are_augmented(datasets: Path, copy_paste: CopyPaste | None) -> None:
    folder = datasets / "coco_mini"
    maps = read_panoptic(folder / "annotations" / "panoptic_val.json", folder / "images")
    crop = training_transforms((256, 256), Augment(scale_jitter=(0.5, 2.0), crop=(128, 128)))
    semantics = panoptic_semantics(maps)
    dataset = CocoDataset(to_coco_index(maps), crop, semantics, copy_paste=copy_paste)
    torch.manual_seed(0)
    for number in range(5):
        target = dataset[number].target
        assert target is not None
        assert target.masks is not None
        assert target.semantic is not None
        things = dense_masks(target.masks).any(dim=0)
        height, width = target.semantic.shape
        labels = target.semantic[things[:height, :width]]
        assert set(labels.unique().tolist()) <= {53}
