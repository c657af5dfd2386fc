"""Objects of one training image laid over another (Ghiasi et al., simple copy-paste, 2021).

A pasted pixel brings everything along that is known about it: its colour, its object, its semantic
label. The object below loses it. Crowd regions are no objects of a sample and stay where they are.

Deviation from the paper, which drops an object only when nothing of it is left: one of which less
than a quarter is left goes, as in composed scenes, because a sliver has hardly a shape to learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torchvision import tv_tensors

from ...errors import UsageError
from ...structures.detection import Size
from ..coco.records import CocoIndex
from ..compose.scene import LEAST_VISIBLE
from .crop import Sample, areas, as_boxes, cut_window, objects_of, refitted
from .rule import Augment


@dataclass(frozen=True, slots=True)
class CopyPaste:
    """Rule of copy-paste: how often, and how many objects of another sample come on top of one.

    Random numbers come from torch's default generator.
    """

    rule: Augment

    def __post_init__(self) -> None:
        chance, share, blend = self.rule.copy_paste, self.rule.paste_share, self.rule.paste_blend
        if not 0 <= chance <= 1:
            raise UsageError("U03", f"copy_paste is a probability, got {chance}")
        if not 0 <= share[0] <= share[1] <= 1:
            raise UsageError("U03", f"paste_share is (smallest, largest) share, got {share}")
        if not 0 <= blend < float("inf"):
            raise UsageError("U03", f"paste_blend is a sigma, at least 0, got {blend}")

    def partner(self, index: int, length: int) -> int | None:
        """Index of the sample, of `length`, whose objects sample `index` gets; None for none.

        Any other is as likely. A sample that is alone gets its own.
        """
        if float(torch.rand(())) >= self.rule.copy_paste:
            return None
        return (index + int(torch.randint(1, max(length, 2), ()))) % length

    def __call__(self, sample: Sample, other: Sample) -> Sample:
        """`sample` under some objects of `other`, both augmented; see `paste`.

        Where the images differ in size, the smaller one lies anywhere within the larger.
        """
        low, high = self.rule.paste_share
        count = len(other["labels"])
        wanted = math.ceil(count * (low + (high - low) * float(torch.rand(()))))
        chosen = objects_of(other, torch.randperm(count)[: max(wanted, 1)])
        (height, width), (other_h, other_w) = _size(sample), _size(other)
        top, left = _anywhere(height - other_h), _anywhere(width - other_w)
        return paste(sample, chosen, top, left, self.rule.paste_blend)


def check_masks(index: CocoIndex) -> None:
    """Refuse data that objects cannot be cut out of.

    Raises:
        UsageError: U04 if `index` was read without masks.
    """
    if not index.has_masks:
        raise UsageError(
            "U04",
            f"copy_paste cuts objects out by their masks, and of {index.path.name} there are boxes "
            "only: it has no masks, or the model needs none, so that they were not read. Give data "
            "with masks and a model that learns them, or leave train.augment.copy_paste at 0.",
        )


def paste(sample: Sample, other: Sample, top: int, left: int, blend: float = 0.0) -> Sample:
    """`sample` with all objects of `other` on top, whose upper left corner comes to (`left`,
    `top`), in pixels of `sample`, of which either may be negative.

    Objects of `other` of which less than a quarter would be inside are not pasted. Objects of
    `sample` lose what is covered; those with less than a quarter left are dropped, and boxes of
    those that lost anything are fitted to what is left. The objects of `sample` come first.
    Objects of `other` may overlap each other as they did.

    With a `blend` in pixels, colours change softly over the edges of what is pasted; masks and
    semantic labels end where they did.
    """
    size = _size(sample)
    rows, columns, pasted = _placed(other, top, left, size)
    if not len(pasted["labels"]):
        return sample
    new, window = _plain(pasted["masks"]), (rows, columns)
    covered = torch.zeros(size, dtype=torch.bool)
    covered[window] = torch.from_numpy(new.numpy().any(axis=0))
    lower = _under(sample, covered)
    masks = covered.new_zeros((len(new), *size))
    masks[:, rows, columns] = new
    moved = _plain(pasted["boxes"]) + torch.tensor([columns.start, rows.start] * 2)
    result = lower | {
        "image": _laid_over(sample["image"], pasted["image"], covered, window, blend),
        "boxes": as_boxes(torch.cat([_plain(lower["boxes"]), moved]), size),
        "labels": torch.cat([lower["labels"], pasted["labels"]]),
        "masks": tv_tensors.Mask(torch.cat([_plain(lower["masks"]), masks])),
    }
    if "semantic" in sample:
        result["semantic"] = _laid_over(sample["semantic"], pasted["semantic"], covered, window)
    return result


def _placed(other: Sample, top: int, left: int, size: Size) -> tuple[slice, slice, Sample]:
    """Rows and columns of an image of `size` where `other` lies on it, and what of `other` does."""
    height, width = _size(other)
    rows = slice(max(top, 0), max(top, 0, min(top + height, size[0])))
    columns = slice(max(left, 0), max(left, 0, min(left + width, size[1])))
    window = rows.stop - rows.start, columns.stop - columns.start
    origin = rows.start - top, columns.start - left
    masks = _plain(other["masks"])
    inside = masks[:, origin[0] : origin[0] + window[0], origin[1] : origin[1] + window[1]]
    enough = areas(inside) >= LEAST_VISIBLE * areas(masks)
    part, is_cut = cut_window(objects_of(other, enough), *origin, window)
    part["boxes"] = refitted(part["boxes"], part["masks"], is_cut)
    return rows, columns, part


def _under(sample: Sample, covered: Tensor) -> Sample:
    """`sample` with what is left of its objects when the pixels of `covered` (H, W) are gone."""
    before = _plain(sample["masks"])
    after = before & ~covered
    whole, left = areas(before), areas(after)
    stays = left >= LEAST_VISIBLE * whole
    lower = objects_of(sample | {"masks": tv_tensors.Mask(after)}, stays)
    lower["boxes"] = refitted(lower["boxes"], lower["masks"], (left < whole)[stays])
    return lower


def _laid_over(
    below: Tensor, above: Tensor, covered: Tensor, window: tuple[slice, slice], blend: float = 0.0
) -> Tensor:
    """`below` (..., H, W) with `above` (..., h, w) in its `window`, where `covered` (H, W)."""
    place, shape = (..., *window), covered[window]
    result = _plain(below).clone()
    if blend:
        edges = cv2.GaussianBlur(shape.float().numpy(), (0, 0), blend)
        mixed = torch.lerp(result[place].float(), _plain(above).float(), torch.from_numpy(edges))
        result[place] = mixed.round().to(result.dtype)
    else:
        result[place] = torch.where(shape, _plain(above), result[place])
    laid: Tensor = tv_tensors.wrap(result, like=below)
    return laid


def _plain(entry: Tensor) -> Tensor:
    return entry.as_subclass(Tensor)


def _size(sample: Sample) -> Size:
    return int(sample["image"].shape[-2]), int(sample["image"].shape[-1])


def _anywhere(room: int) -> int:
    """Any offset within `room` pixels, which are negative where what is offset is the larger."""
    return int(torch.randint(min(room, 0), max(room, 0) + 1, ()))
