import json
from pathlib import Path

import numpy as np
import pytest

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
