"""Running a model over annotated images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data import class_names
from relook.data.coco.reader import Category, CocoIndex, read_coco
from relook.errors import DataError
from relook.evaluation.crowding.rule import HuddleRule
from relook.evaluation.crowding.scores import HuddleScores
from relook.evaluation.run import evaluate_model, match_classes
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.results import SHOWN_FROM, Result
from relook.ops.rle import encode_mask

from ..narrow_models import narrow_config, predictor_of

CLASSES = (Category(1, "nut"), Category(2, "bolt"))
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    config = narrow_config(
        num_classes=2,
        semantic__num_classes=3,
        cascade__select__max_detections=6,
        input__size=(96, 96),
    )
    return predictor_of(config, CLASSES, shown_from=SHOWN_FROM)


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., CocoIndex]:
    """Three images with two squares each, read after a change to the file."""

    def make(change: Change | None = None) -> CocoIndex:
        content: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": 70, "name": "bolt"}, {"id": 80, "name": "nut"}],
        }
        for number in (1, 2, 3):
            pixels = np.full((40 + number, 50, 3), 30 * number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{number}.png")
            image = {"id": number, "file_name": f"{number}.png", "width": 50, "height": 40 + number}
            content["images"].append(image)
            for category, left in ((70, 2), (80, 25)):
                square = [left, 5, left + 20, 5, left + 20, 25, left, 25]
                content["annotations"].append(
                    {
                        "id": len(content["annotations"]) + 1,
                        "image_id": number,
                        "category_id": category,
                        "bbox": [left, 5, 20, 20],
                        "area": 400,
                        "iscrowd": 0,
                        "segmentation": [square],
                    }
                )
        if change is not None:
            change(content)
        (tmp_path / "truth.json").write_text(json.dumps(content))
        return read_coco(tmp_path / "truth.json", tmp_path)

    return make


class Oracle(Predictor):
    """Finds exactly the two squares of every image."""

    def outcomes(self, images: Any, *_: Any, **__: Any) -> Any:
        for path in images:
            with Image.open(path) as image:
                width, height = image.size
            masks = np.zeros((2, height, width), bool)
            masks[0, 5:25, 25:45] = True
            masks[1, 5:25, 2:22] = True
            yield Result(
                boxes=np.array([[25, 5, 45, 25], [2, 5, 22, 25]], np.float32),
                scores=np.array([0.9, 0.8], np.float32),
                labels=np.array([0, 1], np.int64),
                masks=tuple(encode_mask(mask) for mask in masks),
                size=(height, width),
                classes=self.classes,
            )


def test_a_perfect_model_scores_one(predictor: Predictor, data: Callable[..., CocoIndex]) -> None:
    oracle = Oracle(predictor.detector, predictor.config, CLASSES, device="cpu")
    metrics, predictions, rate, _truth = evaluate_model(oracle, data())
    assert metrics.box.ap == metrics.mask.ap == pytest.approx(1.0)  # type: ignore[union-attr]
    assert [p["category_id"] for p in predictions] == [80, 70] * 3  # the ids of the file
    assert [p["image_id"] for p in predictions] == [1, 1, 2, 2, 3, 3]
    assert rate > 0


def test_objects_are_counted_from_the_score_the_model_shows(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    for shown_from, f1 in ((0.3, 1.0), (0.85, 2 / 3)):
        oracle = Oracle(
            predictor.detector, predictor.config, CLASSES, device="cpu", shown_from=shown_from
        )
        metrics = evaluate_model(oracle, data()).metrics
        assert metrics.counting is not None and metrics.best_counting is not None
        assert (metrics.counting.threshold, metrics.counting.f1) == (shown_from, f1)
        assert metrics.best_counting.f1 == 1
        assert metrics.best_counting.threshold == 0.8


def test_max_dets_goes_through_to_the_end(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    for wanted, expected in ((None, 6), (2, 2), (9, 9)):
        outcome = evaluate_model(predictor, data(), max_dets=wanted)
        assert outcome.metrics.max_dets == expected
        assert len(outcome.predictions) == 3 * expected


def test_progress_and_limit(predictor: Predictor, data: Callable[..., CocoIndex]) -> None:
    seen: list[tuple[int, int]] = []
    outcome = evaluate_model(
        predictor, data(), limit=2, batch_size=2, progress=lambda *done: seen.append(done)
    )
    assert seen == [(1, 2), (2, 2)]
    assert outcome.metrics.num_images == 2
    assert {p["image_id"] for p in outcome.predictions} == {1, 2}


def test_classes_are_matched_by_name(data: Callable[..., CocoIndex]) -> None:
    more = (*CLASSES, Category(3, "washer"))
    assert match_classes(more, data()) == {1: 80, 2: 70}


def test_a_class_of_the_model_alone_is_left_out_and_counted(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    def no_bolts(content: dict[str, Any]) -> None:
        content["categories"] = content["categories"][1:]
        content["annotations"] = [a for a in content["annotations"] if a["category_id"] == 80]

    oracle = Oracle(predictor.detector, predictor.config, CLASSES, device="cpu")
    outcome = evaluate_model(oracle, data(no_bolts))
    assert outcome.metrics.box.ap == pytest.approx(1.0)
    assert {p["category_id"] for p in outcome.predictions} == {80}
    assert sum(outcome.metrics.skipped.values()) == 3


def renamed(name: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        content["categories"][0]["name"] = name

    return change


def test_a_class_the_model_does_not_know(data: Callable[..., CocoIndex]) -> None:
    with pytest.raises(
        DataError, match=r"D13.*not trained on screw.*nut, bolt.*screw, nut.*screw=nut"
    ):
        match_classes(CLASSES, data(renamed("screw")))
    with pytest.raises(DataError, match=r"D13.*nut is there twice"):
        match_classes([*CLASSES, CLASSES[0]], data(renamed("nut")))
    index = data(renamed("nut"))  # both categories of the file are called so: one class
    assert match_classes(CLASSES, index) == {CLASSES[0].id: index.classes[0].id}


def test_an_unused_unknown_class_does_no_harm(data: Callable[..., CocoIndex]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["categories"].append({"id": 0, "name": "objects"})  # as some tools write

    assert match_classes(CLASSES, data(change)) == {1: 80, 2: 70}


def test_nothing_in_common(data: Callable[..., CocoIndex]) -> None:
    def empty(content: dict[str, Any]) -> None:
        content["annotations"] = []

    with pytest.raises(DataError, match="D13"):
        match_classes((Category(1, "cell"),), data(empty))


def test_an_image_of_another_size(predictor: Predictor, data: Callable[..., CocoIndex]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"][1] |= {"width": 100, "height": 84}

    with pytest.raises(DataError, match=r"D10.*2\.png.*50x42.*100x84"):
        evaluate_model(predictor, data(change))


def test_unreadable_images_are_not_passed_over(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    index = data()
    index.images[1].path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"D02.*2\.png"):
        evaluate_model(predictor, index)


def test_no_images(predictor: Predictor, data: Callable[..., CocoIndex]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"], content["annotations"] = [], []

    with pytest.raises(DataError, match="D11"):
        evaluate_model(predictor, data(change))


def test_numbers_by_huddles(predictor: Predictor, data: Callable[..., CocoIndex]) -> None:
    def overlapping(content: dict[str, Any]) -> None:
        content["annotations"].append(
            {
                "id": 100,
                "image_id": 2,
                "category_id": 70,
                "bbox": [4, 5, 20, 20],
                "area": 400,
                "iscrowd": 0,
                "segmentation": [[4, 5, 24, 5, 24, 25, 4, 25]],
            }
        )

    oracle = Oracle(predictor.detector, predictor.config, CLASSES, device="cpu")
    rule = HuddleRule(min_images=1, resamples=5)
    huddles = evaluate_model(oracle, data(overlapping), huddles=rule).metrics.section(HuddleScores)
    assert huddles is not None and huddles.mask is not None
    assert huddles.num_images[:, 0].tolist() == [3, 1, 1, 1, 1, 1]
    assert huddles.num_objects.tolist() == [7, 2, 2, 2, 2, 2]
    assert huddles.mask.objects[1] == pytest.approx(51 / 101)  # it finds one of the two
    assert evaluate_model(oracle, data()).metrics.section(HuddleScores) is None


def test_masks_that_are_missing_are_told_before_the_work(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    def boxes_only(content: dict[str, Any]) -> None:
        for one in content["annotations"]:
            del one["segmentation"]

    seen: list[int] = []
    with pytest.raises(DataError, match="D09"):
        evaluate_model(
            predictor,
            data(boxes_only),
            huddles=HuddleRule("mask"),
            progress=lambda *done: seen.append(done[0]),
        )
    assert not seen


def test_objects_of_all_tiles_count(predictor: Predictor, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 170, 3), np.uint8)).save(
        tmp_path / "big.png"
    )
    square = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [9, 9, 20, 20], "area": 400}
    square |= {"iscrowd": 0, "segmentation": [[9, 9, 29, 9, 29, 29, 9, 29]]}
    content = {
        "images": [{"id": 1, "file_name": "big.png", "width": 170, "height": 150}],
        "annotations": [square],
        "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    index = read_coco(tmp_path / "a.json", tmp_path)
    tiles: list[tuple[int, int]] = []
    outcome = evaluate_model(
        predictor, index, tile=96, on_tile=lambda _, done, total: tiles.append((done, total))
    )
    assert tiles == [(number, 6) for number in range(1, 7)]
    assert len(outcome.predictions) > 6  # which is what the model has at most in a tile
    assert outcome.metrics.max_dets == len(outcome.predictions)
    few = evaluate_model(predictor, index, tile=96, max_dets=3)
    assert len(few.predictions) == few.metrics.max_dets == 3


def test_classes_of_other_names_are_matched_as_said(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    oracle = Oracle(predictor.detector, predictor.config, CLASSES, device="cpu")
    index = class_names.renamed(data(renamed("screw")), {"screw": "bolt"})
    outcome = evaluate_model(oracle, index)
    assert outcome.metrics.box.ap == pytest.approx(1.0)
    assert {p["category_id"] for p in outcome.predictions} == {70, 80}


def test_one_class_scores_without_regard_to_classes(
    predictor: Predictor, data: Callable[..., CocoIndex]
) -> None:
    def swapped(content: dict[str, Any]) -> None:
        for name, category in zip(("screw", "washer"), content["categories"], strict=True):
            category["name"] = name

    oracle = Oracle(predictor.detector, predictor.config, CLASSES, device="cpu")
    index = class_names.as_one_class(data(swapped))
    outcome = evaluate_model(oracle, index, one_class=True)
    assert outcome.metrics.box.ap == outcome.metrics.mask.ap == pytest.approx(1.0)  # type: ignore[union-attr]
    assert {p["category_id"] for p in outcome.predictions} == {70}
    with pytest.raises(DataError, match=r"D13.*2 classes.*as_one_class"):
        evaluate_model(oracle, data(), one_class=True)


def test_one_class_lets_classes_suppress_each_other(
    predictor: Predictor, data: Callable[..., CocoIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def outcomes(images: Any, options: PredictOptions, **_: Any) -> Any:
        asked.append(options.agnostic)
        return Oracle.outcomes(predictor, images)

    monkeypatch.setattr(predictor, "outcomes", outcomes)
    evaluate_model(predictor, class_names.as_one_class(data()), one_class=True)
    evaluate_model(predictor, data())
    assert asked == [True, False]
