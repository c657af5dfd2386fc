"""A COCO index as a data set of samples ready to be batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from ..errors import DataError, UsageError
from ..ops.masks import crop_masks
from ..ops.runs import Runs
from ..structures.detection import Size, Target
from .augment.copy_paste import CopyPaste, check_masks
from .batching import Sample
from .coco.records import CocoIndex, ImageRecord, ObjectRecord
from .coco.segmentation import fill, runs_of
from .images import Pixels, open_image, read_image
from .images.orientation import upright
from .resizing import padded_size
from .semantics import SemanticChoice, read_semantic_map, semantic_from_instances, semantic_map_path
from .windows import LARGE, leading_crop, window_sample


class CocoDataset(Dataset[Sample]):
    """Samples of `index` after `transforms` (see `data.augment.transforms`), with semantic labels.

    With `copy_paste`, some get objects of another sample, which has gone through `transforms` of
    its own; that costs one more image to be read.

    Images without objects are kept unless `keep_empty` is false; those with a side below
    `min_image_side` pixels are left out; `left_out` counts both by reason. Crowd regions are no
    targets, but their pixels are not labelled in maps painted from instances.
    `num_semantic_classes` is how many labels maps from files may use, where that is known.

    All randomness is torch's default generator: seeded, or in seeded worker processes, the
    samples repeat. Of a large image that is read by windows, only the window is read that the
    crop of `transforms` asks for. The data set can be sent to workers of any start method.

    Raises:
        DataError: D11 if no image is left.
        UsageError: U04 for `copy_paste` and an index without masks.
    """

    def __init__(
        self,
        index: CocoIndex,
        transforms: v2.Transform | None = None,
        semantics: SemanticChoice | None = None,
        *,
        copy_paste: CopyPaste | None = None,
        keep_empty: bool = True,
        min_image_side: int = 0,
        num_semantic_classes: int | None = None,
    ) -> None:
        if copy_paste is not None:
            check_masks(index)
        self.index = index
        self.transforms = transforms
        self.copy_paste = copy_paste
        self.semantics = semantics or SemanticChoice("none", None, "not asked for")
        self.num_semantic_classes = self.semantics.num_classes or num_semantic_classes
        self.left_out: dict[str, int] = {}
        self.images: list[ImageRecord] = []
        for image in index.images:
            reason = _why_left_out(image, keep_empty, min_image_side)
            if reason:
                self.left_out[reason] = self.left_out.get(reason, 0) + 1
            else:
                self.images.append(image)
        if not self.images:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.left_out.items())
            raise DataError(
                "D11", f"{index.path.name}: there is no image to use ({reasons or 'none listed'})."
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`, its boxes and masks in pixels of its resized image.

        Raises:
            DataError: D01, D02, D10 for its image, D12 for its semantic map, D15 for its panoptic
                map; so for the image whose objects it gets.
        """
        record = self.images[index]
        entries = self._transformed(record)
        if self.copy_paste is not None:
            partner = self.copy_paste.partner(index, len(self))
            if partner is not None:
                entries = self.copy_paste(entries, self._transformed(self.images[partner]))
        image = entries["image"]
        masks, semantic = entries.get("masks"), entries.get("semantic")
        height, width = image.shape[-2:]
        canvas = padded_size((int(height), int(width)))  # where the reference has masks, too
        target = Target(
            boxes=entries["boxes"].as_subclass(torch.Tensor),
            labels=entries["labels"],
            masks=None if masks is None else crop_masks(masks.as_subclass(torch.Tensor), canvas),
            semantic=None if semantic is None else semantic.as_subclass(torch.Tensor),
        )
        pixels = np.ascontiguousarray(image.as_subclass(torch.Tensor).permute(1, 2, 0).numpy())
        return Sample(pixels, (record.height, record.width), target, record.id, record.file_name)

    def _transformed(self, record: ImageRecord) -> dict[str, Any]:
        entries = self._window(record)
        if entries is None:
            entries = self._entries(record, self._pixels(record))
            if self.transforms is not None:
                entries = self.transforms(entries)
        dtype = entries["image"].dtype
        if dtype != torch.uint8:
            raise UsageError("U03", f"transforms must leave images uint8, but made them {dtype}")
        return entries

    def _window(self, record: ImageRecord) -> dict[str, Any] | None:
        """The part that a crop asks for, of a large image that is read by windows; else None."""
        found = leading_crop(self.transforms)
        if (
            found is None
            or record.height * record.width <= LARGE
            or self.semantics.mode not in ("none", "instances")
        ):
            return None
        crop, steps = found
        with open_image(record.path, self.index.reading) as opened:
            if not opened.is_windowed:
                return None
            self._check_size(record, opened.size)
            top, left, window, size = crop.draw(record.height, record.width)
            paints = self.semantics.mode == "instances"
            cut = window_sample(self.index, record, opened, (top, left, window), paints=paints)
        entries = crop.finished(*cut, size)
        for step in steps:
            entries = step(entries)
        return entries

    def _pixels(self, record: ImageRecord) -> Pixels:
        pixels = read_image(record.path, reading=self.index.reading)
        height, width = pixels.shape[:2]
        self._check_size(record, (height, width))
        return pixels

    def _check_size(self, record: ImageRecord, size: Size) -> None:
        height, width = size
        if (height, width) != (record.height, record.width):
            raise DataError(
                "D10",
                f'{self.index.path.name}: image {record.id} ("{record.file_name}") is {width}x'
                f"{height} (width x height) once upright, the file says {record.width}x"
                f"{record.height}. Boxes and masks would not fit: correct the file, or use the "
                "images it was made for.",
            )

    def _entries(self, record: ImageRecord, pixels: Pixels) -> dict[str, Any]:
        """The sample as transforms expect it, at the size of the file."""
        size = record.height, record.width
        things = [thing for thing in record.objects if not thing.is_crowd]
        boxes = torch.tensor([thing.box for thing in things], dtype=torch.float32).reshape(-1, 4)
        entries: dict[str, Any] = {
            "image": tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1)),
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size),
            "labels": torch.tensor([thing.label for thing in things], dtype=torch.int64),
        }
        runs, masks = None, None
        if self.index.has_masks:
            runs = _runs(things, record)
            masks = _dense(runs, size)
            entries["masks"] = tv_tensors.Mask(torch.from_numpy(masks))
        semantic = self._semantic(record, things, masks, runs)
        if semantic is not None:
            entries["semantic"] = tv_tensors.Mask(torch.from_numpy(semantic))
        return entries

    def _semantic(
        self,
        record: ImageRecord,
        things: list[ObjectRecord],
        masks: NDArray[np.bool_] | None,
        runs: list[Runs] | None,
    ) -> NDArray[np.uint8] | None:
        choice = self.semantics
        if choice.mode == "instances" and masks is not None and runs is not None:
            height, width = record.height, record.width
            crowds = _runs([thing for thing in record.objects if thing.is_crowd], record)
            crowd = _dense([Runs.union(crowds)], (height, width))[0] if crowds else None
            labels = [thing.label for thing in things]
            areas = np.array([one.area for one in runs], dtype=np.int64)
            boxes = [one.bounds(height) for one in runs]
            classes = len(self.index.classes)
            return semantic_from_instances(masks, labels, crowd, classes, areas, boxes)
        if choice.mode == "maps" and choice.maps_dir is not None:
            path = semantic_map_path(choice.maps_dir, record.file_name)
            stored = read_semantic_map(path, record.annotated_size, self.num_semantic_classes)
            return np.ascontiguousarray(upright(stored, record.turn))
        if choice.panoptic is not None:
            return choice.panoptic.read(record.id)
        return None


def _why_left_out(image: ImageRecord, keep_empty: bool, min_side: int) -> str:
    if min(image.height, image.width) < min_side:
        return f"images with a side below {min_side} pixels"
    if not keep_empty and all(thing.is_crowd for thing in image.objects):
        return "images without objects"
    return ""


def _runs(things: list[ObjectRecord], record: ImageRecord) -> list[Runs]:
    """Masks of objects that were read with their masks, as runs."""
    found = []
    for thing in things:
        assert thing.segmentation is not None  # CocoIndex.has_masks
        found.append(runs_of(thing.segmentation, record.height, record.width))
    return found


def _dense(runs: list[Runs], size: Size) -> NDArray[np.bool_]:
    """Masks (G, H, W)."""
    masks = np.zeros((len(runs), *size), dtype=bool)
    for mask, one in zip(masks, runs, strict=True):
        fill(mask, one)
    return masks
