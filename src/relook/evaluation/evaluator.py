"""COCO's evaluation of boxes or masks: hotcoco counts, pycocotools' way matches once more.

hotcoco gives the numbers of pycocotools, bit for bit (tests on the three real sets and on crowded
scenes), in a thirtieth of the time. It cannot leave out objects by id, which numbers on huddled
objects and on resamples need: `FastCOCOeval` does, and is made when it is asked for.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import Params

from .counting import IOU, CountingCurve
from .detections import Detections
from .ground_truth import Annotation, GroundTruth
from .matching import FastCOCOeval

IouType = Literal["bbox", "segm"]
_NO_SCORE: Final = 2.0  # no detection is so sure, which spares hotcoco its list of doubtful labels


class Evaluator:
    """Detections matched with `objects`, which are those of `truth` that count.

    `precision` and `recall` are the arrays of pycocotools: thresholds, recalls, classes, sizes,
    limits; and the same without recalls. `params` are its settings.
    """

    def __init__(
        self,
        truth: GroundTruth,
        objects: Sequence[Annotation],
        detections: Detections,
        iou_type: IouType,
        max_dets: int,
    ) -> None:
        self.truth, self.objects, self.detections = truth, objects, detections
        self.iou_type: IouType = iou_type
        self.params = Params(iouType=iou_type)
        self.params.maxDets = [min(1, max_dets), min(10, max_dets), max_dets]
        self.params.imgIds, self.params.catIds = sorted(truth.sizes), sorted(truth.categories)
        self._hotcoco = self._evaluated()
        self.precision: NDArray[np.float64] = self._hotcoco.eval["precision"]
        self.recall: NDArray[np.float64] = self._hotcoco.eval["recall"]

    def counting_curve(self) -> CountingCurve:
        """The matching at IoU 0.5, objects of all sizes."""
        status = self._hotcoco.image_diagnostics(iou_thr=IOU, score_thr=_NO_SCORE)["dt_status"]
        numbers = np.fromiter(status, np.int64, len(status)) - 1
        is_right = np.fromiter((word == "tp" for word in status.values()), bool, len(status))
        order = numbers.argsort()
        numbers = numbers[order]
        objects = np.zeros(len(self.params.imgIds) * len(self.params.catIds), np.int64)
        is_counted = [self._counts(row) for row in self.objects]
        np.add.at(objects, self._cells(self.objects)[is_counted], 1)
        return CountingCurve(
            scores=self.detections.scores[numbers],
            is_right=is_right[order],
            cells=self._cell_numbers[numbers],
            objects=objects,
            num_images=len(self.params.imgIds),
        )

    def matches_again(
        self, ignored: Collection[int] = (), size: str = "all"
    ) -> list[dict[str, Any] | None]:
        """Matches of another choice of objects; see `FastCOCOeval.matches_again`."""
        return self._matching.matches_again(ignored, size)

    def _counts(self, row: Annotation) -> bool:
        low, high = self.params.areaRng[self.params.areaRngLbl.index("all")]
        return not row["iscrowd"] and low <= row["area"] <= high

    def _cells(self, rows: Sequence[Annotation]) -> NDArray[np.int64]:
        """A number for the class and image of each row."""
        images = [self._image_places[row["image_id"]] for row in rows]
        classes = [self._class_places[row["category_id"]] for row in rows]
        return _cell_numbers(images, classes, len(self.params.catIds))

    @cached_property
    def _image_places(self) -> dict[int, int]:
        return {key: place for place, key in enumerate(self.params.imgIds)}

    @cached_property
    def _class_places(self) -> dict[int, int]:
        return {key: place for place, key in enumerate(self.params.catIds)}

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        """Places of the images and of the classes of the detections."""
        images = map(self._image_places.__getitem__, self.detections.image_ids)
        classes = map(self._class_places.__getitem__, self.detections.category_ids)
        return list(images), list(classes)

    @cached_property
    def _cell_numbers(self) -> NDArray[np.int64]:
        return _cell_numbers(*self._places, len(self.params.catIds))

    def _evaluated(self) -> Any:
        """Hotcoco's evaluator; it knows images and classes by their places."""
        import hotcoco

        with_masks = self.iou_type == "segm"
        sizes = [self.truth.sizes[key] for key in self.params.imgIds]
        boxes = np.array([row["bbox"] for row in self.objects], np.float64).reshape(-1, 4)
        data = hotcoco.COCO.from_arrays(
            [
                {"id": place, "height": height, "width": width, "file_name": ""}
                for place, (height, width) in enumerate(sizes)
            ],
            [{"id": place, "name": str(place)} for place in range(len(self.params.catIds))],
            [self._image_places[row["image_id"]] for row in self.objects],
            [self._class_places[row["category_id"]] for row in self.objects],
            boxes,
            ids=[row["id"] for row in self.objects],
            area=np.array([row["area"] for row in self.objects], np.float64),
            iscrowd=[row["iscrowd"] for row in self.objects],
            segmentation=[row["segmentation"] for row in self.objects] if with_masks else None,
        )
        images, classes = self._places
        columns: Any = [images, self.detections.boxes, self.detections.scores, classes]
        results = np.column_stack(columns).astype(np.float64)
        masks: Any = self.detections.masks if with_masks else None
        found = data.load_res(results, segmentation=masks)
        ids = np.arange(1, len(self.detections) + 1)
        found.update_anns(ids=ids, area=self.detections.areas(of_masks=with_masks))
        evaluator = hotcoco.COCOeval(data, found, self.iou_type)
        evaluator.params.max_dets = self.params.maxDets
        evaluator.evaluate()
        evaluator.accumulate()
        return evaluator

    @cached_property
    def _matching(self) -> FastCOCOeval:
        with_masks = self.iou_type == "segm"
        found = list(self.detections.rows(of_masks=with_masks))
        evaluator = FastCOCOeval(self._index(self.objects), self._index(found), self.iou_type)
        evaluator.params.maxDets = self.params.maxDets
        evaluator.find_overlaps()
        return evaluator

    def _index(self, rows: Sequence[Annotation]) -> COCO:
        """A pycocotools index of copies of `rows`."""
        coco = COCO()
        coco.dataset = {
            "images": [
                {"id": key, "height": height, "width": width}
                for key, (height, width) in self.truth.sizes.items()
            ],
            "categories": [
                {"id": key, "name": name} for key, name in self.truth.categories.items()
            ],
            "annotations": [dict(row) for row in rows],
        }
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            coco.createIndex()
        return coco


def _cell_numbers(images: list[int], classes: list[int], num_classes: int) -> NDArray[np.int64]:
    return np.array(images, np.int64) * num_classes + np.array(classes, np.int64)
