from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.panoptic.reader import PanopticIndex, read_panoptic, read_truth
from relook.data.panoptic.writer import PanopticWriter
from relook.errors import DataError
from relook.evaluation.panoptic.run import evaluate_panoptic, evaluate_panoptic_files, read_results
from relook.ops.id_runs import id_extents
from relook.structures.panoptic import VOID, PanopticCategory, PanopticMap, Segment

CATEGORIES = (PanopticCategory(4, "grass", False), PanopticCategory(9, "cat", True))


def a_map(top: int) -> PanopticMap:
    """A cat of 5 x 4 pixels, `top` rows from above, on grass of 12 x 10."""
    ids = np.full((10, 12), 1, np.int32)
    ids[top : top + 4, 3:8] = 2
    cat = Segment(2, 9, True, 20, (3, top, 5, 4), score=0.9)
    return PanopticMap(ids, (Segment(1, 4, False, 100, (0, 0, 12, 10)), cat))


@pytest.fixture
def index(tmp_path: Path) -> PanopticIndex:
    writer = PanopticWriter(tmp_path / "truth.json", CATEGORIES)
    (tmp_path / "images").mkdir()
    for image_id, name in ((7, "a.jpg"), (3, "b.jpg")):
        Image.new("RGB", (12, 10)).save(tmp_path / "images" / name)
        writer.add(image_id, name, a_map(2))
    return read_panoptic(writer.finish(), tmp_path / "images")


@pytest.fixture
def results(index: PanopticIndex, tmp_path: Path) -> Path:
    """Results with a cat one row too low in the first image and three rows in the second."""
    writer = PanopticWriter(tmp_path / "found.json", CATEGORIES)
    for image, top in zip(index.images, (3, 5), strict=True):
        writer.add(image.id, image.file_name, a_map(top))
    path = writer.finish()
    keep = json.loads(path.read_text())["annotations"]
    for annotation in keep:  # no more than a server asks for
        rows = annotation["segments_info"]
        annotation["segments_info"] = [{k: row[k] for k in ("id", "category_id")} for row in rows]
    path.write_text(json.dumps({"annotations": keep}))
    return path


def test_maps_of_a_model(index: PanopticIndex) -> None:
    found = [(3, a_map(2)), (7, a_map(3))]  # in any order
    scores = evaluate_panoptic(index, iter(found))
    assert scores.num_images == 2
    cat = scores.classes[1]
    assert (cat.tp, cat.fp, cat.fn, cat.iou) == (2, 0, 0, pytest.approx(1 + 15 / 25))
    perfect = evaluate_panoptic(index, ((one.id, read_truth(one)) for one in index.images))
    assert perfect.all.pq == 1


def test_maps_that_do_not_belong_to_the_images(index: PanopticIndex) -> None:
    with pytest.raises(DataError, match=r"D06.*no image 8"):
        evaluate_panoptic(index, [(8, a_map(2))])
    with pytest.raises(DataError, match=r"D05.*image 7 has two maps"):
        evaluate_panoptic(index, [(7, a_map(2)), (7, a_map(2))])
    with pytest.raises(DataError, match=r"D15.*1 of 2 images have no map to be scored: 3\."):
        evaluate_panoptic(index, [(7, a_map(2))])
    small = PanopticMap(np.zeros((5, 5), np.int32), ())
    with pytest.raises(DataError, match=r'D10.*image 7 \("a\.jpg"\).*12x10.*5x5'):
        evaluate_panoptic(index, [(7, small)])


def test_result_files(index: PanopticIndex, results: Path) -> None:
    scores = evaluate_panoptic_files(index, results)
    cat = scores.classes[1]
    assert (cat.tp, cat.fp, cat.fn, cat.iou) == (1, 1, 1, pytest.approx(15 / 25))
    (first, found), _ = read_results(index, str(results))
    assert first == 7
    grass, cat_segment = found.segments
    assert (grass.area, cat_segment.area, cat_segment.box) == (100, 20, (3, 3, 5, 4))
    assert cat_segment.is_thing
    moved = results.with_suffix("").rename(results.parent / "elsewhere")
    with pytest.raises(DataError, match=r"D01.*no such folder of panoptic maps"):
        evaluate_panoptic_files(index, results)
    assert evaluate_panoptic_files(index, results, moved).all == scores.all


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image_id": 8}, r"D06.*found\.json.*image_id 8, which is none of the 2 images"),
        ({"image_id": 3}, r"D05.*image 3 has two annotations"),
        ({"file_name": "c.png"}, r"D01.*c\.png"),
        ({"file_name": "../found.json"}, r"D01.*leads out"),
        ({"segments_info": [{"id": 1, "category_id": 77}]}, r"D07.*image 7.*category_id 77"),
        ({"segments_info": []}, r"D15.*a\.png \(image 7\).*not listed"),
        ({"segments_info": [{"id": 0, "category_id": 9}]}, r"D04.*0 is void"),
    ],
)
def test_result_files_that_are_wrong(
    index: PanopticIndex, results: Path, changed: dict[str, Any], said: str
) -> None:
    content = json.loads(results.read_text())
    content["annotations"][0].update(changed)
    results.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said):
        evaluate_panoptic_files(index, results)


def test_listed_segments_without_a_pixel(index: PanopticIndex, results: Path) -> None:
    content = json.loads(results.read_text())
    content["annotations"][0]["segments_info"].append({"id": 5, "category_id": 9})
    results.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"D15.*listed ids are not in the map \(segment 5\)"):
        list(read_results(index, results))


def test_result_files_that_lack_an_image_or_are_others(
    index: PanopticIndex, results: Path, tmp_path: Path
) -> None:
    content = json.loads(results.read_text())
    del content["annotations"][1]
    results.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"D15.*found\.json.*1 of 2 images.*: 3\."):
        evaluate_panoptic_files(index, results)
    results.write_text('[{"image_id": 7, "category_id": 9, "score": 0.5}]')
    with pytest.raises(DataError, match=r"D04.*COCO results"):
        evaluate_panoptic_files(index, results)
    with pytest.raises(DataError, match="D01"):
        evaluate_panoptic_files(index, tmp_path / "no.json")


def spoilt(truth: PanopticMap, categories: list[int], random: np.random.Generator) -> PanopticMap:
    """A map moved and cut, with classes changed, and segments made up on anything that is there."""
    ids = np.roll(truth.ids, random.integers(-30, 30), axis=int(random.integers(0, 2)))
    classes = {one.id: one.category_id for one in truth.segments}
    for one in truth.segments:
        if random.random() < 0.15:
            classes[one.id] = int(random.choice(categories))
        if random.random() < 0.1:
            ids[ids == one.id] = 0
        if one.is_crowd:
            x, y, width, height = one.box
            classes[len(classes) + 1] = one.category_id
            ids[y : y + height // 2, x : x + width] = len(classes)
    for _ in range(6):
        y, x = random.integers(0, ids.shape[0] - 60), random.integers(0, ids.shape[1] - 60)
        classes[len(classes) + 1] = int(random.choice(categories))
        ids[y : y + 60, x : x + 60] = len(classes)
    segments = [
        Segment(key, classes[key], True, *extent)
        for key, extent in id_extents(ids).items()
        if key != VOID
    ]
    return PanopticMap(ids, tuple(segments))


def test_equal_to_another_implementation_on_real_files(tmp_path: Path) -> None:
    """Void, crowds and all: hotcoco follows COCO's own scoring and has no code in common with us.

    It reads the files that we write.
    """
    from hotcoco.panoptic import pq_compute

    folder = Path(__file__).parents[3] / "datasets" / "coco_mini"
    json_path = folder / "annotations" / "panoptic_val.json"
    real = read_panoptic(json_path, folder / "images")
    writer = PanopticWriter(tmp_path / "found.json", real.categories)
    random = np.random.default_rng(0)
    categories = [one.id for one in real.categories]
    for image in real.images:
        writer.add(image.id, image.file_name, spoilt(read_truth(image), categories, random))
    path = writer.finish()
    theirs = pq_compute(json_path, path, real.maps_dir, writer.maps_dir)
    scores = evaluate_panoptic_files(real, path)
    parts = {"All": scores.all, "Things": scores.things, "Stuff": scores.stuff}
    for name, part in parts.items():
        assert theirs[name]["n"] == part.num_classes
        for number in ("pq", "sq", "rq"):
            assert theirs[name][number] == pytest.approx(getattr(part, number), abs=1e-12)
    for one in scores.classes:
        if one.is_counted:
            assert theirs["per_class"][one.id]["pq"] == pytest.approx(one.pq, abs=1e-12)
        counts = [theirs["per_class"][one.id][number] for number in ("tp", "fp", "fn")]
        assert counts == [one.tp, one.fp, one.fn]
    assert 0.1 < scores.all.pq < 0.9


def test_hotcoco_knows_one_crowd_region_of_a_class_in_an_image(tmp_path: Path) -> None:
    """What is found half on one and half on another is no mistake to us, and one to it."""
    from hotcoco.panoptic import pq_compute

    ids = np.repeat(np.array([1, 2, 3, 0], np.int32), 10)[None].repeat(10, axis=0)
    crowds = [Segment(key, 9, True, 100, (10 * (key - 1), 0, 10, 10)) for key in (1, 2)]
    truth = PanopticMap(ids, (*crowds, Segment(3, 4, False, 100, (20, 0, 10, 10))))
    on_both = Segment(1, 9, True, 200, (0, 0, 20, 10))
    found = PanopticMap(np.isin(ids, (1, 2)).astype(np.int32), (on_both,))
    (tmp_path / "images").mkdir()
    Image.new("RGB", (40, 10)).save(tmp_path / "images" / "a.jpg")
    paths = []
    for name, one in (("truth.json", truth), ("found.json", found)):
        writer = PanopticWriter(tmp_path / name, CATEGORIES)
        writer.add(1, "a.jpg", one)
        paths.append(writer.finish())
    content = json.loads(paths[0].read_text())
    for row in content["annotations"][0]["segments_info"][:2]:
        row["iscrowd"] = 1
    paths[0].write_text(json.dumps(content))
    real = read_panoptic(paths[0], tmp_path / "images")
    cat = evaluate_panoptic_files(real, paths[1]).classes[1]
    theirs = pq_compute(*paths)["per_class"][9]
    assert [cat.tp, cat.fp, cat.fn] == [0, 0, 0]
    assert [theirs[number] for number in ("tp", "fp", "fn")] == [0, 1, 0]
