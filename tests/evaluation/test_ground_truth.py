import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from relook.data.coco.reader import read_coco
from relook.data.panoptic.reader import read_panoptic, to_coco_index
from relook.errors import DataError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.ground_truth import read_ground_truth, truth_of
from relook.ops.rle import encode_mask

from ..annotated_discs import each, make_discs, run_lengths

FOLDER = Path(__file__).parents[2] / "datasets" / "coco_mini"


def test_objects_are_numbered_from_one_and_masks_are_run_lengths(small):
    truth = read_ground_truth(small)
    assert [row["id"] for row in truth.objects] == [1, 2, 3]
    assert all(row["segmentation"]["size"] == [100, 120] for row in truth.objects)
    assert truth.has_masks
    assert truth.skipped == {}
    assert truth.sizes == {5: (100, 120), 6: (100, 120)}


def test_polygons_and_both_kinds_of_run_lengths_give_one_mask(small):
    mask = np.zeros((100, 120), dtype=bool)
    mask[10:30, 10:30] = True
    edges = np.flatnonzero(np.diff(mask.T.ravel(), prepend=False, append=False))
    plain = np.diff([0, *edges, mask.size]).tolist()
    kinds = [
        small["annotations"][0]["segmentation"],
        {"size": [100, 120], "counts": plain},
        encode_mask(mask),
    ]
    counts = set()
    for kind in kinds:
        small["annotations"][0]["segmentation"] = kind
        found = read_ground_truth(small).objects[0]["segmentation"]["counts"]
        counts.add(found.decode() if isinstance(found, bytes) else found)
    assert counts == {encode_mask(mask)["counts"]}


def test_box_and_area_are_taken_from_the_mask_when_missing(small):
    for key in ("bbox", "area", "iscrowd"):
        del small["annotations"][0][key]
    first = read_ground_truth(small).objects[0]
    assert (first["bbox"], first["area"], first["iscrowd"]) == ([10, 10, 20, 20], 400, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image_id": 77}, "image"),
        ({"image_id": None}, "image"),
        ({"image_id": [5]}, "image"),
        ({"category_id": 77}, "category"),
        ({"bbox": [1, 2, 3]}, "box"),
        ({"bbox": "abcd"}, "box"),
        ({"bbox": [1, 2, float("nan"), 3]}, "box"),
        ({"bbox": [1, 2, -5, 3]}, "box"),
        ({"bbox": None, "segmentation": None}, "box"),
        ({"segmentation": "abc"}, "mask"),
        ({"segmentation": [["a"] * 6]}, "mask"),
        ({"segmentation": [[1e30, 0, 5, 5, 0, 5]]}, "mask"),
        ({"segmentation": {"size": [120, 100], "counts": [12000]}}, "mask"),
        ({"segmentation": {"size": [100, 120], "counts": [5]}}, "mask"),
        ({"segmentation": {"size": [100, 120], "counts": "oooo"}}, "mask"),
        ({"segmentation": {"size": [100, 120], "counts": [13000, -1000]}}, "mask"),
        ({"segmentation": {"counts": "a"}}, "mask"),
    ],
)
def test_what_cannot_be_used_is_counted_with_its_reason(small, change, reason):
    small["annotations"][0].update(change)
    truth = read_ground_truth(small)
    assert len(truth.objects) == 2
    [(why, count)] = truth.skipped.items()
    assert reason in why
    assert count == 1
    assert evaluate_coco(small, []).skipped == truth.skipped


def test_an_object_without_a_pixel_stays_an_object_that_nobody_finds(small, perfect):
    found = perfect(small)
    small["annotations"][2]["segmentation"] = [[1, 1, 2, 2]]
    metrics = evaluate_coco(small, found)
    assert metrics.num_objects == 3
    assert metrics.mask.ar_n == pytest.approx(2 / 3)


numbers = (
    st.integers(-(2**40), 2**40) | st.floats() | st.booleans() | st.none() | st.text(max_size=3)
)
anything = st.recursive(
    numbers,
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.fixed_dictionaries({"size": st.just([100, 120]), "counts": inner})
    ),
    max_leaves=12,
)


@given(anything, anything, anything)
def test_no_annotation_breaks_the_evaluation(segmentation, box, area):
    row = {"id": 1, "image_id": 5, "category_id": 1}
    content = {
        "images": [{"id": 5, "height": 100, "width": 120}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{**row, "segmentation": segmentation, "bbox": box, "area": area}],
    }
    mask = encode_mask(np.ones((100, 120), dtype=bool))
    found = {**row, "bbox": [0, 0, 120, 100], "score": 0.5, "segmentation": mask}
    evaluate_coco(content, [found])


def test_a_file_is_read_and_sizes_can_be_given(small, tmp_path):
    path = tmp_path / "train.json"
    for image in small["images"]:
        del image["height"]
    path.write_text(json.dumps(small))
    with pytest.raises(DataError, match=r"D04: train.json.*image 5.*height"):
        read_ground_truth(path)
    assert len(read_ground_truth(path, {5: (100, 120), 6: (100, 120)}).objects) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "D01"),
        ("{", "D03"),
        ("[" * 100_000, "D03"),
        ("\x00\xff", "D03"),
        ("[]", "D04"),
        ("{}", "D04"),
        ('{"images": [], "annotations": [1], "categories": []}', "D04"),
        ('{"images": [{"id": "a"}], "annotations": [], "categories": []}', "D04"),
        (
            '{"images": [{"id": 1, "height": 0, "width": 3}], "annotations": [], "categories": []}',
            "D04",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}, {"id": 1}]}', "D05"),
    ],
)
def test_a_file_that_is_not_coco_is_refused(tmp_path, text, code):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=code):
        read_ground_truth(path)


def test_objects_of_real_panoptic_maps_are_a_ground_truth() -> None:
    panoptic = read_panoptic(FOLDER / "annotations" / "panoptic_val.json", FOLDER / "images")
    index = to_coco_index(panoptic)
    truth = truth_of(index)
    assert (len(truth.objects), sum(one["iscrowd"] for one in truth.objects)) == (130, 2)
    assert truth.sizes == index.sizes()
    assert truth.categories[1] == "person"
    found = [{**one, "score": 0.9} for one in truth.objects if not one["iscrowd"]]
    metrics = evaluate_coco(truth, found, max_dets=100)
    assert metrics.mask is not None
    assert (metrics.box.ap, metrics.mask.ap) == (1, 1)
    for one in truth.objects:
        assert coco_mask.area(one["segmentation"]) == one["area"]
        assert coco_mask.toBbox(one["segmentation"]).tolist() == one["bbox"]


def test_other_files_are_read_as_they_were() -> None:
    path = FOLDER / "annotations" / "instances_val.json"
    index = read_coco(path, FOLDER / "images")
    assert truth_of(index) == read_ground_truth(path, index.sizes())


def corners(row):
    x, y, w, h = row["bbox"]
    row["bbox"] = [x, y, x + w, y + h]


def twice(document):
    rows = document["annotations"]
    rows.extend([{**row, "id": row["id"] + 500} for row in rows])


def two_categories(document):
    document["categories"].append({"id": 2, "name": "nucleus"})
    for row in document["annotations"][::2]:
        row["category_id"] = 2


def texts(document):
    for row in document["images"]:
        row["id"] = str(row["id"])
    for row in document["annotations"]:
        row["image_id"] = str(row["image_id"])


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (each(lambda row: row.update(bbox=[0, 0, 0, 0])), {}),
        (each(lambda row: row.update(area=0)), {}),
        (each(lambda row: row.update(segmentation=row["segmentation"][0])), {}),
        (each(lambda row: row.update(segmentation=[run_lengths(row, compressed=True)])), {}),
        (two_categories, {}),
        (texts, {}),
        (each(corners), {"boxes": "from-masks"}),
        (
            each(lambda row: row["bbox"].__setitem__(0, row["bbox"][0] + 40)),
            {"boxes": "from-masks"},
        ),
        (twice, {"duplicates": "drop"}),
        (each(lambda row: row.update(iscrowd=1)), {"crowd": "as-objects"}),
        (
            lambda document: document["annotations"].append(
                {**document["annotations"][0], "id": 99, "category_id": 7}
            ),
            {"ignore_unknown": True},
        ),
        (
            lambda document: document["images"].append(
                {"id": 9, "file_name": "gone.png", "width": 9, "height": 9}
            ),
            {"skip_missing": True},
        ),
    ],
)
def test_a_perfect_model_is_perfect_on_files_as_people_have_them(tmp_path, change, allowed) -> None:
    discs = make_discs(tmp_path)
    rows = read_ground_truth(discs.plain).objects
    found = [{**row, "score": 0.9, "area": None} for row in rows]
    truth = truth_of(discs.read(change, **allowed))
    metrics = evaluate_coco(truth, found, max_dets=100)
    assert metrics.mask is not None
    assert (round(metrics.box.ap, 3), round(metrics.mask.ap, 3)) == (1, 1)
    assert len(truth.objects) == 4


def test_wrong_boxes_cost_the_box_ap_and_a_line_says_why(tmp_path) -> None:
    discs = make_discs(tmp_path)
    index = discs.read(each(corners))
    found = [{**row, "score": 0.9} for row in read_ground_truth(discs.plain).objects]
    metrics = evaluate_coco(truth_of(index), found, max_dets=100)
    assert metrics.mask is not None
    assert metrics.box.ap < 0.1
    assert metrics.mask.ap == 1
    assert any("corners x1 y1 x2 y2" in line for line in index.notes())
