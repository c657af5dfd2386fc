import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from relook.errors import UsageError
from relook.inference.results import Result
from relook.ops.masks import paste_mask
from relook.ops.rle import encode_mask
from relook.structures.detection import Detections


class Named:
    def __init__(self, identity, name):
        self.id, self.name = identity, name


CLASSES = [Named(7, "cell"), Named(3, "nucleus"), Named(90, "細胞")]
SIZE = (120, 160)


def detections(count=3, masks=True, size=SIZE):
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, generator=generator) * 60
    boxes = torch.cat([corners, corners + 20.3], dim=1)
    scores = torch.linspace(0.9, 0.1, count) if count else torch.zeros(0)
    probabilities = torch.rand(count, 28, 28, generator=generator) if masks else None
    return Detections(boxes, scores, torch.arange(count) % 3, probabilities, size)


def test_fields_are_those_of_the_detections():
    found = detections()
    result = Result.from_detections(found, None, CLASSES, "a.jpg")
    assert (result.boxes == found.boxes.numpy()).all()
    assert (result.scores == found.scores.numpy()).all()
    assert result.names == ["cell", "nucleus", "細胞"]
    assert (result.boxes.dtype, result.labels.dtype) == (np.float32, np.int64)
    assert result.size == SIZE
    assert len(result) == 3
    assert result.counts() == {"cell": 1, "nucleus": 1, "細胞": 1}
    assert "a.jpg" in repr(result)
    assert "1 nucleus" in repr(result)


def test_masks_are_pasted_as_the_paste_of_whole_masks_does():
    found = detections(12)
    # Boxes that cross the border, lie outside, have no area, and cover the whole image.
    found.boxes[:5] = torch.tensor(
        [
            [-10.5, -3.0, 30.0, 40.0],
            [150.0, 110.0, 190.0, 130.0],
            [200.0, 10.0, 220.0, 30.0],
            [50.0, 50.0, 50.0, 60.0],
            [0.0, 0.0, 160.0, 120.0],
        ]
    )
    result = Result.from_detections(found, None, CLASSES)
    expected = [
        paste_mask(probabilities, box, SIZE)
        for probabilities, box in zip(found.mask_probabilities, found.boxes, strict=True)
    ]
    assert list(result.masks) == [encode_mask(mask) for mask in expected]
    assert result.dense_masks().shape == (12, *SIZE)
    assert (result.dense_masks() == torch.stack(expected).numpy()).all()


def test_old_numerics_count_the_last_pixel_and_paste_whole_pixels():
    first_and_last = torch.tensor([[10.0, 20.0, 19.0, 29.0], [3.5, 4.5, 9.9, 4.9]])
    boxes = first_and_last + torch.tensor([0, 0, 1, 1])
    scores, labels = torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64)
    found = Detections(boxes, scores, labels, torch.ones(2, 28, 28), SIZE, "resized")
    result = Result.from_detections(found, None, CLASSES)
    row = result.to_coco(1)[0]
    assert row["bbox"] == [10, 20, 10, 10]  # x2 - x1 + 1
    assert result.dense_masks()[0, 20:30, 10:20].all()
    assert result.dense_masks().sum(axis=(1, 2)).tolist() == [100, 7]  # columns 3 to 9 of row 4
    half = Detections(boxes, scores, labels, torch.full((2, 28, 28), 0.5), SIZE, "resized")
    assert not Result.from_detections(half, None, CLASSES).dense_masks().any()


def test_an_empty_result_has_the_right_shapes():
    for masks in (True, False):
        result = Result.from_detections(detections(0, masks), None, CLASSES)
        assert result.boxes.shape == (0, 4)
        assert result.scores.shape == result.labels.shape == (0,)
        assert result.names == result.to_coco(1) == []
        assert result.counts() == {}
        assert "nothing" in repr(result)
        assert result.masks == (() if masks else None)
        image = np.zeros((*SIZE, 3), dtype=np.uint8)
        assert result.draw(image=image).size == (800, 600)
    assert Result.from_detections(detections(0), None, CLASSES).dense_masks().shape == (0, *SIZE)


def test_coco_rows_carry_category_ids_and_survive_json():
    result = Result.from_detections(detections(), None, CLASSES)
    rows = json.loads(json.dumps(result.to_coco(42)))
    assert [row["category_id"] for row in rows] == [7, 3, 90]
    assert {row["image_id"] for row in rows} == {42}
    for i, row in enumerate(rows):
        x, y, w, h = row["bbox"]
        assert np.float32([x, y, x + w, y + h]) == pytest.approx(result.boxes[i])
        assert np.float32(row["score"]) == result.scores[i]
        assert row["segmentation"] == encode_mask(result.dense_masks()[i])


def test_box_only_results_have_no_masks_anywhere():
    result = Result.from_detections(detections(masks=False), None, CLASSES)
    assert result.masks is None
    assert all("segmentation" not in row for row in result.to_coco(1))
    assert all("mask" not in row for row in result.to_json()["objects"])
    with pytest.raises(UsageError, match="U04"):
        result.dense_masks()


def test_json_of_a_result_says_everything_but_the_pixels():
    result = Result.from_detections(detections(), None, CLASSES, "a.jpg")
    content = json.loads(json.dumps(result.to_json()))
    assert (content["source"], content["height"], content["width"]) == ("a.jpg", *SIZE)
    assert content["version"] == 1
    assert [row["name"] for row in content["objects"]] == result.names
    assert np.float32([row["box"] for row in content["objects"]]) == pytest.approx(result.boxes)
    assert content["counts"] == result.counts()


def test_filter_keeps_the_best_above_a_score():
    result = Result.from_detections(detections(9), None, CLASSES)  # 0.9, 0.8, ... 0.1
    assert len(result.filter()) == 9
    kept = result.filter(score=0.45, max_dets=3)
    assert len(kept) == len(kept.masks) == len(kept.boxes) == 3
    assert kept.scores.min() == pytest.approx(0.7)
    assert len(result.filter(score=0.45)) == 5
    assert len(result.filter(score=result.scores[4])) == 5  # the score itself is included
    assert len(result.filter(max_dets=0)) == 0
    assert result.filter(score=2).boxes.shape == (0, 4)
    numbered = replace(result, tracks=np.arange(9), tiles=np.arange(9) + 1)
    assert numbered.filter(max_dets=2).tracks.tolist() == [0, 1]
    assert numbered.filter(max_dets=2).tiles.tolist() == [1, 2]


def test_draw_shows_what_the_result_holds():
    image = np.full((800, 900, 3), 77, dtype=np.uint8)
    result = Result.from_detections(detections(4, size=(800, 900)), image, CLASSES)
    nothing = np.asarray(result.draw(score=1.1))
    assert (nothing == image).all()
    default, surer = np.asarray(result.draw()), np.asarray(result.draw(score=0.3))
    assert 0 < len(result.filter(0.3)) < len(result)
    assert (default == np.asarray(result.draw(score=0))).all()
    assert (default != surer).any()
    assert (surer == np.asarray(result.filter(0.3).draw())).all()
    assert (np.asarray(result.draw(text=False)) != default).any()


def test_drawing_without_an_image_says_what_to_do():
    result = Result.from_detections(detections(), None, CLASSES)
    with pytest.raises(UsageError, match=r"U04.*draw\(image="):
        result.draw()


def test_four_hundred_objects_on_a_large_photograph_need_little_memory():
    import tracemalloc

    size = (4000, 5000)
    found = detections(400, size=size)
    tracemalloc.start()
    result = Result.from_detections(found, None, CLASSES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(result.masks) == 400
    assert peak < 40e6  # one dense mask alone has 20 MB, 400 of them 8 GB


def test_results_do_not_import_torch():
    program = (
        "import sys, relook.inference.results; "
        "print([m for m in ('torch', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_identities_go_into_every_form_and_stay_with_their_objects():
    found = detections(3)
    result = Result.from_detections(found, np.zeros((*SIZE, 3), np.uint8), CLASSES)
    assert "track_id" not in result.to_coco(1)[0] and result.filter(0.5).tracks is None
    result = replace(result, tracks=np.array([5, 2, 9], np.int64))
    assert [row["track_id"] for row in result.to_coco(1)] == [5, 2, 9]
    assert [row["track_id"] for row in result.to_json()["objects"]] == [5, 2, 9]
    assert result.filter(max_dets=2).tracks.tolist() == [5, 2]
    json.dumps([result.to_coco(1), result.to_json()])
    drawn = np.asarray(result.draw())
    other = np.asarray(replace(result, tracks=np.array([6, 2, 9], np.int64)).draw())
    assert (drawn != other).any()
