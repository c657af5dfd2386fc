"""Results of one image, in the forms people use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..structures.panoptic import PanopticCategory, PanopticMap

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from ..data.images import ImageInfo
    from ..data.polygons import Polygon
    from ..structures.detection import AnyDetections, DetectionArrays, Size
    from .scaling import ImageScale
    from .writers.crops import Crop

FORMAT_VERSION = 1
SHOWN_FROM = 0.3  # score from which objects are found when the model knows no better value

_OF_OBJECTS = ("boxes", "scores", "labels", "tracks", "tiles", "stage_scores")  # a row an object
RLE = dict[str, Any]  # COCO's compressed run lengths: {"size": [H, W], "counts": str}


class ClassLike(Protocol):
    """Protocol of a class: its id and its name."""

    @property
    def id(self) -> int:
        """Category id in COCO files."""
        ...

    @property
    def name(self) -> str:
        """Name for people."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result:
    """Objects of one image, best first; boxes in pixels of the image as it came."""

    boxes: NDArray[np.float32]  # (N, 4) x1, y1, x2, y2
    scores: NDArray[np.float32]  # (N,) in [0, 1], descending
    labels: NDArray[np.int64]  # (N,) row in `classes`
    masks: tuple[RLE, ...] | None  # N compressed run-length codes; None for box-only models
    size: Size  # (height, width) of the image
    classes: tuple[ClassLike, ...]  # all the model knows
    image: NDArray[np.uint8] | None = None  # (H, W, 3) RGB, for drawing
    source: str | None = None  # where the image came from
    semantic: NDArray[np.uint8] | None = None  # (H, W) label of each pixel; panoptic only
    panoptic: PanopticMap | None = None  # its segments name rows of this result
    stuff: tuple[PanopticCategory, ...] = ()  # all kinds of stuff that `panoptic` may have
    overview: NDArray[np.uint8] | None = None  # (h, w, 3), in place of an image too large to keep
    frame: int | None = None  # number of the frame in its video, from 0
    time: float | None = None  # seconds from the first frame of the video
    scale: ImageScale | None = None  # how it was scaled for the network, where by diameter
    info: ImageInfo | None = None  # what was used of the image, and what its file says
    tracks: NDArray[np.int64] | None = None  # (N,) identities over frames, from 1; if tracked
    tiles: NDArray[np.int64] | None = None  # (N,) tiles that an object was joined of; if in tiles
    stage_scores: NDArray[np.float32] | None = None  # (N, S) of each stage alone, if known

    @classmethod
    def from_detections(
        cls,
        detections: AnyDetections,
        image: NDArray[np.uint8] | None,
        classes: Sequence[ClassLike],
        source: str | None = None,
        *,
        threshold: float = 0.5,
        info: ImageInfo | None = None,
    ) -> Result:
        """The result of `detections`, whose masks are pasted and coded one after the other.

        A pixel belongs to an object where its mask probability reaches `threshold`, or, in
        masks that are pasted by resizing, exceeds it.
        """
        found = detections.arrays()
        return cls(
            boxes=found.boxes,
            scores=found.scores,
            labels=found.labels,
            masks=_paste(found, threshold),
            size=(int(found.size[0]), int(found.size[1])),
            classes=tuple(classes),
            image=image, source=source, info=info, stage_scores=found.stage_scores,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {name}" for name, count in self.counts().items())
        source = "" if self.source is None else f" in {self.source}"
        kind = "boxes" if self.masks is None else "masks"
        height, width = self.size
        return f"<Result{source}: {found or 'nothing'}; {kind}, {width} x {height} pixels>"

    @property
    def names(self) -> list[str]:
        """Class name of each of the N objects."""
        return [self.classes[label].name for label in self.labels.tolist()]

    def counts(self) -> dict[str, int]:
        """Class name -> number of objects, for the classes found, in the order of the model's."""
        found = Counter(self.labels.tolist())
        counts: dict[str, int] = {}
        for label in sorted(found):
            name = self.classes[label].name
            counts[name] = counts.get(name, 0) + found[label]
        return counts

    def dense_masks(self) -> NDArray[np.bool_]:
        """Masks as (N, H, W): N times the pixels of the image, in memory at once.

        Raises `UsageError` U04 when the model is one for boxes only.
        """
        from ..ops.rle import decode_window

        if self.masks is None:
            raise UsageError("U04", "there are no masks: this model finds boxes only.")
        dense = np.zeros((len(self), *self.size), dtype=bool)
        for mask, rle in zip(dense, self.masks, strict=True):
            window, left, top = decode_window(rle)
            mask[top : top + window.shape[0], left : left + window.shape[1]] = window
        return dense

    def filter(self, score: float | None = None, max_dets: int | None = None) -> Result:
        """The objects with at least `score`, and of these the `max_dets` best."""
        keep = np.arange(len(self))
        if score is not None:
            keep = keep[self.scores >= np.float32(score)]
        keep = keep[:max_dets]
        arrays = {name: getattr(self, name) for name in _OF_OBJECTS}
        kept: dict[str, Any] = {n: None if a is None else a[keep] for n, a in arrays.items()}
        return replace(
            self,
            **kept,
            masks=None if self.masks is None else tuple(self.masks[i] for i in keep),
            panoptic=None if self.panoptic is None else self.panoptic.renumbered(keep.tolist()),
        )

    def draw(
        self,
        score: float | None = None,
        *,
        image: NDArray[np.uint8] | None = None,
        **options: Any,
    ) -> Image.Image:
        """The image with its objects drawn in, or those of at least `score`.

        `image` (H, W, 3) RGB replaces the result's own; `options` are those of
        `relook.visualization.overlay.draw_objects`. Of an image too large to keep, the picture is
        its overview at reduced size. Objects that were tracked have the colour and the number of
        their identity. Raises `UsageError` U04 when there is no image.
        """
        from ..visualization.overlay import draw_objects

        shown = self.filter(score)
        if shown.tracks is not None:
            options = {"ids": shown.tracks} | options
        pixels, boxes, masks = self.shown(shown.boxes, shown.masks, image)
        return draw_objects(
            pixels,
            boxes,
            masks,
            shown.names,
            shown.scores,
            labels=shown.labels,
            **options,
        )

    def shown(
        self,
        boxes: NDArray[Any],
        masks: Sequence[RLE] | None,
        image: NDArray[np.uint8] | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[Any], Sequence[RLE] | None]:
        """Picture to draw on, and `boxes` and `masks` of the image in its pixels: `image`, else the
        result's own, else its overview.

        Raises:
            UsageError: U04 when there is none.
        """
        if image is not None or self.image is not None or self.overview is None:
            return self._pixels(image), boxes, masks
        from .tiles.overview import reduced

        small = self.overview.shape[0], self.overview.shape[1]
        return self.overview, *reduced(self.size, boxes, masks, small)

    @property
    def categories(self) -> tuple[PanopticCategory, ...]:
        """Categories of segments: things, which are the classes of the model, and stuff."""
        return categories_of(self.classes, self.stuff)

    def draw_panoptic(
        self, *, image: NDArray[np.uint8] | None = None, **options: Any
    ) -> Image.Image:
        """The image with the segments of its panoptic map drawn in.

        `image` (H, W, 3) RGB replaces the result's own; `options` are those of
        `relook.visualization.panoptic.draw_panoptic`. Raises `UsageError` U04 when there is no
        image, or no map because none was asked for.
        """
        from ..visualization.panoptic import draw_panoptic

        if self.panoptic is None:
            raise UsageError("U04", "there is no panoptic map; ask for it: predict(panoptic=True).")
        return draw_panoptic(self._pixels(image), self.panoptic, self.categories, **options)

    def _pixels(self, image: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        picture = self.image if image is None else image
        if picture is None:
            raise UsageError(
                "U04", "this result does not keep its image; give it: result.draw(image=...)."
            )
        return picture

    def moment(self) -> dict[str, float]:
        """`frame` and `time` of a frame of a video, for records; nothing for other images."""
        known = {"frame": self.frame, "time": self.time}
        return {name: value for name, value in known.items() if value is not None}

    def table(
        self,
        *,
        pixel_size: tuple[float, float] | None = None,
        samples: NDArray[Any] | None = None,
    ) -> dict[str, list[Any]]:
        """Measurements of each object by the name of the column: see `writers.table.object_table`.

        ``pandas.DataFrame(result.table())`` makes a data frame of it. `pixel_size` (y, x) in
        micrometres stands in for the one that the file says.
        """
        from .writers.table import object_table

        known = None if self.info is None else self.info.pixel_size
        return object_table(self, pixel_size=pixel_size or known, samples=samples)

    def label_image(self) -> NDArray[Any]:
        """Number of the object at every pixel (H, W), from 1, the best; 0 for none."""
        from .writers.labels import label_image

        return label_image(self)

    def polygons(self, tolerance: float = 0.0) -> list[list[Polygon]]:
        """Polygons of each object along pixel edges; fewer corners with a `tolerance` in pixels."""
        from .writers.shapes import object_polygons

        return list(object_polygons(self, tolerance))

    def crops(self, margin: int = 4) -> list[Crop]:
        """A picture of each object, with `margin` pixels around it; U04 without an image."""
        from .writers.crops import object_crops

        return list(object_crops(self, margin))

    def to_supervision(self) -> Any:
        """The objects as `supervision.Detections`, with boxes, masks, scores and class names.

        Raises `UsageError` U04 where supervision is not installed.
        """
        from .writers.to_supervision import detections_of

        return detections_of(self)

    def save(self, path: str | Path, kind: str | None = None) -> None:
        """Write the result to a file: see `writers.single.save_result` for the kinds.

        Raises `UsageError` U01 for an unknown kind, and U03 for an ending that tells none.
        """
        from .writers.single import save_result

        save_result(self, path, kind)

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """COCO result dictionaries, one per object, that json can write."""
        from .writers.coco import coco_results

        return coco_results(self, image_id)

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels, as a dictionary that json can write."""
        from .writers.json_record import json_record

        return json_record(self)


def categories_of(
    classes: Iterable[ClassLike], stuff: Iterable[PanopticCategory]
) -> tuple[PanopticCategory, ...]:
    """Categories of segments of a model: its `classes`, which are things, and `stuff`."""
    return (*(PanopticCategory(one.id, one.name, True) for one in classes), *stuff)


def _paste(found: DetectionArrays, threshold: float) -> tuple[RLE, ...] | None:
    """Codes of all masks; never more than one object's window in memory."""
    from ..ops.pasting import PASTES
    from ..ops.rle import encode_window

    if found.mask_probabilities is None:
        return None
    masks: list[RLE] = []
    paste = PASTES[found.paste]
    for crop, box in zip(found.mask_probabilities, found.boxes, strict=True):
        window, left, top = paste(crop, box, found.size, threshold)
        masks.append(encode_window(window, left, top, found.size))
    return tuple(masks)
