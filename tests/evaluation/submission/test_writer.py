"""Files for a test server, from a tiny model."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from relook.data.coco.reader import Category, read_coco
from relook.errors import DataError, RelookError
from relook.evaluation.submission.check import check_submission
from relook.evaluation.submission.writer import submission_name, write_submission
from relook.inference.predictor import Predictor
from relook.inference.views import TTA

from ...narrow_models import BOXES_ONLY, narrow_config, predictor_of

NAME = "detections_test-dev2017_tiny_results"


def predictor(
    classes: tuple[str, ...] = ("nut", "bolt"), masks: bool = True, threshold: float = 0.001
) -> Predictor:
    config = narrow_config(
        num_classes=len(classes),
        cascade__select__score_threshold=threshold,
        rpn__test__proposals=30,
        input__size=(96, 96),
        semantic=None,
    )
    if not masks:
        config = config.with_(**BOXES_ONLY)
    named = [Category(i, name) for i, name in enumerate(classes, start=1)]
    # Submissions hold what is above the test threshold, whatever the model shows.
    return predictor_of(config, named, seed=3, shown_from=0.9)


@pytest.fixture(scope="module")
def tiny() -> Predictor:
    return predictor()


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and a file without annotations, as test-dev has it."""
    folder = tmp_path_factory.mktemp("test-dev")
    images = []
    for number, (width, height) in enumerate([(60, 50), (40, 45), (50, 60)], start=1):
        small = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
        row = {"id": 100 + number, "file_name": f"{number}.png", "width": width, "height": height}
        images.append(row)
    categories = [{"id": 10, "name": "bolt"}, {"id": 20, "name": "nut"}]
    path = folder / "image_info_test-dev2017.json"
    path.write_text(json.dumps({"images": images, "categories": categories}))
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{path.stem}.json"]
        rows = json.loads(archive.read(archive.namelist()[0]))
    assert isinstance(rows, list)
    return rows


@pytest.mark.parametrize(
    ("json_name", "algorithm", "expected"),
    [
        ("image_info_test-dev2017.json", "detectors-r50", "test-dev2017_detectors-r50"),
        ("instances_val2017.json", "my run/no_1", "val2017_my-run-no-1"),
        ("mine.json", "", "mine_relook"),
    ],
)
def test_names(json_name: str, algorithm: str, expected: str) -> None:
    assert submission_name(Path("x") / json_name, algorithm) == f"detections_{expected}_results"


def test_the_entries_are_what_was_found(tiny: Predictor, hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    done: list[tuple[int, int]] = []
    paths = write_submission(
        tiny, index, tmp_path, NAME, max_dets=7, progress=lambda *a: done.append(a)
    )
    assert paths == [tmp_path / kind / f"{NAME}.zip" for kind in ("bbox", "segm")]
    assert done == [(1, 3), (2, 3), (3, 3)]
    boxes, masks = (rows_of(path) for path in paths)
    assert len(boxes) == len(masks) == 21
    found = [
        tiny.predict(str(record.path), max_dets=7, score=tiny.test_score) for record in index.images
    ]
    of_name = {"nut": 20, "bolt": 10}
    expected = [(i, result) for result in found for i in range(len(result))]
    for (i, result), box, mask in zip(expected, boxes, masks, strict=True):
        assert set(box) == {"image_id", "category_id", "bbox", "score"}
        assert set(mask) == {"image_id", "category_id", "segmentation", "score"}
        assert box["category_id"] == mask["category_id"] == of_name[result.names[i]]
        assert result.source is not None
        assert box["image_id"] == mask["image_id"] == 100 + int(Path(result.source).stem)
        assert box["score"] == mask["score"] == pytest.approx(float(result.scores[i]), abs=6e-6)
        x, y, w, h = box["bbox"]
        assert [x, y, x + w, y + h] == pytest.approx(result.boxes[i].tolist(), abs=0.0101)
        assert all(value == round(value, 2) for value in box["bbox"])
        assert result.masks is not None
        assert mask["segmentation"] == result.masks[i]


def test_pycocotools_takes_the_files(tiny: Predictor, hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    paths = write_submission(tiny, index, tmp_path, NAME)
    low = tiny.test_score
    found = sum(len(tiny.predict(str(i.path), max_dets=100, score=low)) for i in index.images)
    content = json.loads(hidden.read_text())
    content["annotations"] = []
    truth = COCO()
    truth.dataset = content
    for number, row in enumerate(rows_of(paths[1]), start=1):  # the truth is what was found
        box = coco_mask.toBbox(row["segmentation"]).tolist()
        area = float(coco_mask.area(row["segmentation"]))
        kept = {key: row[key] for key in ("image_id", "category_id", "segmentation")}
        content["annotations"].append(
            {"id": number, "bbox": box, "area": area, "iscrowd": 0, **kept}
        )
    truth.createIndex()
    results = truth.loadRes(rows_of(paths[1]))
    assert len(results.anns) == found
    evaluator = COCOeval(truth, results, "segm")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    assert evaluator.stats[0] > 0.8  # not 1: a mask may be empty, and several may be alike
    assert len(truth.loadRes(rows_of(paths[0])).anns) == found


def test_a_model_for_boxes_writes_boxes(hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    (path,) = write_submission(predictor(masks=False), index, tmp_path, NAME)
    assert check_submission(path, index).kind == "bbox"
    assert not (tmp_path / "segm").exists()


def test_batches_and_views(tiny: Predictor, hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    plain, batches, views = (
        rows_of(write_submission(tiny, index, tmp_path / name, NAME, **options)[0])
        for name, options in (
            ("plain", {}),
            ("batches", {"batch_size": 2}),
            ("views", {"tta": TTA(flip=True)}),
        )
    )
    assert [row["image_id"] for row in plain] == [row["image_id"] for row in batches]
    scores = [[row["score"] for row in rows] for rows in (plain, batches)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert views != plain


def test_a_class_the_model_lacks_is_refused(hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    with pytest.raises(DataError, match="not trained on bolt, so every such object") as caught:
        write_submission(predictor(classes=("nut", "screw")), index, tmp_path, NAME)
    assert caught.value.code == "D13"
    assert not list(tmp_path.iterdir())


def test_a_class_the_file_lacks_is_left_out(hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    model = predictor(classes=("nut", "screw", "bolt"))
    paths = [str(record.path) for record in index.images]
    results = model.predict(paths, max_dets=100, score=model.test_score)
    found = [name for result in results for name in result.names]
    assert set(found) > {"screw"}
    for path in write_submission(model, index, tmp_path, NAME):
        assert len(rows_of(path)) == len(found) - found.count("screw")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RelookError("R04", "no memory")])
def test_nothing_is_left_of_work_that_ends_early(
    tiny: Predictor, hidden: Path, tmp_path: Path, error: BaseException
) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    before = write_submission(tiny, index, tmp_path, NAME, max_dets=1)
    contents = [path.read_bytes() for path in before]

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise error

    with pytest.raises((KeyboardInterrupt, RelookError)):
        write_submission(tiny, index, tmp_path, NAME, progress=stop)
    assert [path.read_bytes() for path in before] == contents
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(before)


def test_nothing_found_is_no_submission(hidden: Path, tmp_path: Path) -> None:
    index = read_coco(hidden, hidden.parent, annotated=False)
    model = predictor(threshold=1.0)
    with pytest.raises(DataError, match="nothing was found in any image") as caught:
        write_submission(model, index, tmp_path, NAME)
    assert caught.value.code == "D16"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_another_size_and_no_images(tiny: Predictor, hidden: Path, tmp_path: Path) -> None:
    content = json.loads(hidden.read_text())
    path = tmp_path / "image_info.json"
    for images, code in (([{**content["images"][0], "width": 61}], "D10"), ([], "D11")):
        path.write_text(json.dumps({**content, "images": images}))
        index = read_coco(path, hidden.parent, annotated=False, check_files=False)
        with pytest.raises(DataError) as caught:
            write_submission(tiny, index, tmp_path / "out", NAME)
        assert caught.value.code == code
