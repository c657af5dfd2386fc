"""Targets of the semantic branch: label maps from files, or from instances or panoptic maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import DataError, UsageError, first_few
from ..ops.id_runs import id_runs
from ..structures.detection import IGNORE, Size
from ..structures.panoptic import VOID
from .coco.records import CocoIndex
from .panoptic.reader import PanopticImage, PanopticIndex, read_map

Mode = Literal["none", "instances", "maps", "panoptic"]


@dataclass(frozen=True, slots=True)
class SemanticChoice:
    """Source of semantic labels, and the reason for it."""

    mode: Mode
    num_classes: int | None
    """Outputs that the semantic branch needs; None: no branch, or as many as the model has."""
    reason: str  # for people, without a full stop
    maps_dir: Path | None = None
    panoptic: PanopticLabels | None = None  # with the mode "panoptic", and only then


class PanopticLabels:
    """Semantic labels of panoptic maps: a label for each class of stuff, and one for all things.

    Stuff has its position in `PanopticIndex.stuff`, 0 to S - 1, and things have S: what is a thing
    and which one, the instances say. So it is with crowd regions, whose pixels are things as well.
    Void is 255: not labelled.
    """

    def __init__(self, index: PanopticIndex) -> None:
        stuff = {category.id: label for label, category in enumerate(index.stuff)}
        self._labels = {one.id: stuff.get(one.id, len(stuff)) for one in index.categories}
        self._images = {image.id: image for image in index.images}
        self.num_classes = len(stuff) + 1

    def image(self, image_id: int) -> PanopticImage:
        """The panoptic annotation of an image; D06 if there is none."""
        if image_id not in self._images:
            raise DataError(
                "D06", f"image {image_id} has no panoptic annotation. Use the index they came from."
            )
        return self._images[image_id]

    def read(self, image_id: int) -> NDArray[np.uint8]:
        """Label map (H, W) uint8 of an image.

        Raises:
            DataError: D06 for an unknown image, D01, D02 or D15 for its map.
        """
        image = self.image(image_id)
        segments = sorted(image.segments, key=lambda segment: segment.id)
        names = np.array([VOID, *(segment.id for segment in segments)])
        labels = [IGNORE, *(self._labels[segment.category_id] for segment in segments)]
        ids = read_map(image)
        (values,), lengths = id_runs(ids)
        rows = np.searchsorted(names, values)
        return np.repeat(np.array(labels, dtype=np.uint8)[rows], lengths).reshape(ids.shape)


def panoptic_semantics(index: PanopticIndex) -> SemanticChoice:
    """Semantic labels out of the panoptic maps of `index`, as `PanopticLabels` has them.

    Raises:
        UsageError: U04 if the classes of stuff do not fit in a map of 8 bits.
    """
    labels = PanopticLabels(index)
    if labels.num_classes > IGNORE:
        raise UsageError(
            "U04",
            f"{index.path.name}: {labels.num_classes - 1} classes of stuff and one of things do "
            "not fit in a map of 8 bits. Merge some of them.",
        )
    reason = f"panoptic maps in {index.maps_dir}"
    return SemanticChoice("panoptic", labels.num_classes, reason, panoptic=labels)


def choose_semantics(
    requested: Literal["auto", "none", "instances", "maps"],
    index: CocoIndex,
    maps_dir: str | Path | None = None,
) -> SemanticChoice:
    """Choose the source of the semantic labels for `index`.

    ``"auto"`` takes the maps in `maps_dir` if there is one, else paints them from the instance
    masks, and does without for data that has boxes only.

    Raises:
        UsageError: U03 for an unknown mode, U04 for maps without a folder or masks that are
            not there.
        DataError: D01 without the folder, D12 if a map is missing in it.
    """
    if requested not in ("auto", "none", "instances", "maps"):
        raise UsageError("U03", f"semantics: auto, none, instances or maps, got {requested!r}")
    if requested == "none":
        return SemanticChoice("none", None, "asked for")
    if requested == "maps" or (requested == "auto" and maps_dir is not None):
        if maps_dir is None:
            raise UsageError("U04", "semantics from maps need the folder of the maps.")
        return _maps_choice(index, Path(maps_dir), requested == "auto")
    num_classes = len(index.classes) + 1
    problem = ""
    if not index.has_masks:
        problem = "the data has boxes only"
    elif num_classes > IGNORE:
        problem = f"{num_classes} labels do not fit in a map of 8 bits"
    if requested == "auto" and problem:
        return SemanticChoice("none", None, f"no maps given, and {problem}")
    if problem:
        raise UsageError("U04", f"no semantics from instance masks: {problem}. Use none or maps.")
    why = "no maps given, so painted from" if requested == "auto" else "asked for, painted from"
    return SemanticChoice("instances", num_classes, f"{why} the instance masks")


def semantic_map_path(maps_dir: Path, file_name: str) -> Path:
    """The map that belongs to an image: same name and subfolder, as PNG."""
    return maps_dir / PurePosixPath(file_name.replace("\\", "/")).with_suffix(".png")


def semantic_from_instances(
    masks: NDArray[np.bool_],
    labels: Sequence[int] | NDArray[np.int64],
    crowd: NDArray[np.bool_] | None,
    num_classes: int,
    areas: NDArray[np.int64] | None = None,
    boxes: Sequence[tuple[int, int, int, int]] | None = None,
) -> NDArray[np.uint8]:
    """Label map (H, W) uint8 painted from `masks` (G, H, W) with `labels` (G,).

    Pixels of no object are `num_classes`, the background; where objects overlap, the one with
    fewer pixels is on top, or with a smaller one of `areas` (G,) where masks are parts. Pixels of
    `crowd` (H, W), regions whose objects nobody told apart, are 255: not labelled. Where `boxes`
    around the masks are known, x1, y1, x2, y2, nothing is looked for outside of them.
    """
    painted = np.full(masks.shape[1:], num_classes, dtype=np.uint8)
    if areas is None:
        areas = np.array([np.count_nonzero(mask) for mask in masks], dtype=np.int64)
    for g in np.argsort(-areas, kind="stable"):
        x1, y1, x2, y2 = (0, 0, *masks.shape[:0:-1]) if boxes is None else boxes[g]
        painted[y1:y2, x1:x2][masks[g, y1:y2, x1:x2]] = labels[g]
    if crowd is not None:
        painted[crowd] = IGNORE
    return painted


def read_semantic_map(path: Path, size: Size, num_classes: int | None) -> NDArray[np.uint8]:
    """Label map (H, W) uint8 of a PNG; 255 stands for pixels that are not labelled.

    Raises:
        DataError: D12 for a map that is missing, has colours or a palette, has another size than
            its image, or labels of `num_classes` and above.
    """
    try:
        with Image.open(path) as image:
            if image.mode != "L":
                raise DataError(
                    "D12",
                    f"{path} has mode {image.mode}; a semantic map has one channel of 8 bits "
                    '(mode "L") that holds the labels. Save the labels as such an image.',
                )
            if image.size != (size[1], size[0]):
                raise DataError(
                    "D12",
                    f"{path} is {image.size[0]}x{image.size[1]} (width x height), its image "
                    f"{size[1]}x{size[0]}. Maps and images must have the same size.",
                )
            labels = np.array(image, dtype=np.uint8)
    except FileNotFoundError:
        raise DataError("D12", f"{path}: there is no such semantic map.") from None
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
        raise DataError("D12", f"{path} cannot be read as an image: {error}.") from None
    if num_classes is not None:
        wrong = np.unique(labels[(labels >= num_classes) & (labels != IGNORE)])
        if wrong.size:
            raise DataError(
                "D12",
                f"{path} has labels {', '.join(map(str, wrong[:5]))}, the model has 0 to "
                f"{num_classes - 1} (and 255 for pixels that are not labelled). Fix the map, or "
                "give the model more semantic classes.",
            )
    return labels


def _maps_choice(index: CocoIndex, maps_dir: Path, automatic: bool) -> SemanticChoice:
    if not maps_dir.is_dir():
        raise DataError("D01", f"{maps_dir}: there is no such folder of semantic maps.")
    missing = [
        image.file_name
        for image in index.images
        if not semantic_map_path(maps_dir, image.file_name).is_file()
    ]
    if missing:
        raise DataError(
            "D12",
            f"{maps_dir} lacks the maps of {len(missing)} of {len(index.images)} images: "
            f"{first_few(missing, 3)}. A map has the name of "
            "its image and ends in .png.",
        )
    reason = f"maps given in {maps_dir}" if automatic else f"asked for, read from {maps_dir}"
    return SemanticChoice("maps", None, reason, maps_dir)
