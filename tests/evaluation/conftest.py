import contextlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from relook.evaluation.counting import CountingCurve
from relook.evaluation.detections import read_detections
from relook.evaluation.evaluator import Evaluator
from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.matching import FastCOCOeval

DATASETS = Path(__file__).parents[2] / "datasets"


def load_annotations(name, split="val"):
    path = DATASETS / name / "annotations" / f"instances_{split}.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def nuclei():
    return load_annotations("nuclei")


@pytest.fixture(scope="session")
def coco_mini():
    return load_annotations("coco_mini")


@pytest.fixture(scope="session")
def mushrooms():
    return load_annotations("mushrooms")


@pytest.fixture(scope="session")
def noisy():
    """A maker of predictions out of ground truth: some missed, some moved, some made up."""
    from pycocotools import mask as coco_mask

    def make(content, seed=0):
        random = np.random.default_rng(seed)
        sizes = {i["id"]: (i["height"], i["width"]) for i in content["images"]}
        categories = [c["id"] for c in content["categories"]]
        rows = []
        for annotation in content["annotations"]:
            for _ in range(random.integers(0, 3)):
                height, width = sizes[annotation["image_id"]]
                x, y, w, h = annotation["bbox"]
                dx, dy = random.normal(0, 0.1, 2) * (w, h)
                box = [x + dx, y + dy, w * random.uniform(0.8, 1.2), h * random.uniform(0.8, 1.2)]
                x1, y1, x2, y2 = box[0], box[1], box[0] + box[2], box[1] + box[3]
                polygon = [x1, y1, x2, y1, x2, y2, x1, y2]
                mask = coco_mask.merge(coco_mask.frPyObjects([polygon], height, width))
                is_wrong = random.random() < 0.1
                rows.append(
                    {
                        "image_id": annotation["image_id"],
                        "category_id": int(random.choice(categories))
                        if is_wrong
                        else annotation["category_id"],
                        "bbox": [float(v) for v in box],
                        "score": round(
                            float(random.random()), 2
                        ),  # rounded, so that some are equal
                        "segmentation": {
                            "size": [height, width],
                            "counts": mask["counts"].decode(),
                        },
                    }
                )
        return rows

    return make


@pytest.fixture(scope="session")
def perfect():
    """A maker of predictions that are the ground truth, crowd regions left out."""
    from relook.evaluation.ground_truth import read_ground_truth

    def make(content):
        rows = []
        for i, annotation in enumerate(read_ground_truth(content).objects):
            if annotation["iscrowd"]:
                continue
            mask = dict(annotation["segmentation"])
            if isinstance(mask["counts"], bytes):
                mask["counts"] = mask["counts"].decode()
            rows.append(
                {
                    "image_id": annotation["image_id"],
                    "category_id": annotation["category_id"],
                    "bbox": list(annotation["bbox"]),
                    "score": 0.5 + i * 1e-6,
                    "segmentation": mask,
                }
            )
        return rows

    return make


def matched(truth, objects, rows, iou_type, max_dets):
    """`FastCOCOeval` of objects and detections, which has matched and accumulated."""
    indexes = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (objects, rows):
            coco = COCO()
            coco.dataset = {
                "images": [
                    {"id": key, "height": height, "width": width}
                    for key, (height, width) in truth.sizes.items()
                ],
                "categories": [{"id": key} for key in truth.categories],
                "annotations": [with_area(dict(row), iou_type) for row in annotations],
            }
            coco.createIndex()
            indexes.append(coco)
        evaluator = FastCOCOeval(*indexes, iou_type)
        evaluator.params.maxDets = [min(1, max_dets), min(10, max_dets), max_dets]
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def with_area(row, iou_type):
    if "area" not in row:
        box = row["bbox"]
        area = coco_mask.area(row["segmentation"]) if iou_type == "segm" else box[2] * box[3]
        row.update(area=float(area), iscrowd=0)
    return row


def evaluator_of(content, predictions, iou_type, max_dets):
    """The evaluator of `evaluate_coco`."""
    truth, skipped = read_ground_truth(content), Counter()
    ids = {key: key for key in truth.categories}
    detections = read_detections(truth, predictions, ids, None, skipped)
    return Evaluator(truth, truth.objects, detections, iou_type, max_dets)


def curve_of(evaluator):
    """The counting curve of the matches of an evaluator of pycocotools."""
    level = evaluator.params.iouThrs.tolist().index(0.5)
    every_size = evaluator.params.areaRng[0]
    rows = [row for row in evaluator.evalImgs if row and row["aRng"] == every_size]
    counted = [
        (score, match > 0, cell)
        for cell, row in enumerate(rows)
        for score, match, is_ignored in zip(
            row["dtScores"], row["dtMatches"][level], row["dtIgnore"][level], strict=True
        )
        if not is_ignored
    ]
    return CountingCurve(
        scores=np.array([score for score, _, _ in counted], dtype=np.float64),
        is_right=np.array([is_right for _, is_right, _ in counted], dtype=bool),
        cells=np.array([cell for _, _, cell in counted], dtype=np.int64),
        objects=np.array([np.sum(np.asarray(row["gtIgnore"]) == 0) for row in rows], np.int64),
        num_images=len(evaluator.params.imgIds),
    )


def by_hotcoco(truth, predictions, kind, max_dets):
    """hotcoco's evaluator of a `GroundTruth` and of predictions, before it evaluates."""
    import hotcoco

    def plain(row, number):
        kept = {key: value for key, value in row.items() if key != "segmentation"} | {"id": number}
        if kind == "mask":
            counts = row["segmentation"]["counts"]
            text = counts.decode() if isinstance(counts, bytes) else counts
            del kept["bbox"]
            kept["segmentation"] = {"size": list(row["segmentation"]["size"]), "counts": text}
        return kept

    data = hotcoco.COCO(
        {
            "images": [
                {"id": key, "height": height, "width": width, "file_name": ""}
                for key, (height, width) in truth.sizes.items()
            ],
            "categories": [{"id": key, "name": name} for key, name in truth.categories.items()],
            "annotations": [plain(row, number) for number, row in enumerate(truth.objects, 1)],
        }
    )
    found = data.load_res([plain(row, number) for number, row in enumerate(predictions, 1)])
    evaluator = hotcoco.COCOeval(data, found, "bbox" if kind == "box" else "segm")
    evaluator.params.max_dets = [1, 10, max_dets]
    return evaluator


def square(identity, image_id, x, y, side, category_id=1, **more):
    corners = [x, y, x + side, y, x + side, y + side, x, y + side]
    return {
        "id": identity,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [x, y, side, side],
        "area": side * side,
        "iscrowd": 0,
        "segmentation": [corners],
        **more,
    }


@pytest.fixture
def small():
    """Two images, three squares, and a class without any."""
    return {
        "images": [
            {"id": 5, "height": 100, "width": 120, "file_name": "a.png"},
            {"id": 6, "height": 100, "width": 120, "file_name": "b.png"},
        ],
        "categories": [{"id": 1, "name": "cell"}, {"id": 9, "name": "dust"}],
        "annotations": [
            square(0, 5, 10, 10, 20),  # an id of 0, which pycocotools takes for "no match"
            square(1, 5, 50, 50, 40),
            square(2, 6, 5, 5, 10),
        ],
    }
