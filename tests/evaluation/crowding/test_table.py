"""The numbers of huddles as text."""

from dataclasses import replace

import numpy as np
import pytest

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.crowding.rule import HuddleRule
from relook.evaluation.crowding.scores import HuddleScores
from relook.evaluation.crowding.table import huddle_table

RULE = HuddleRule(min_images=5, resamples=10)


def huddles_of(metrics):
    """The numbers by how much objects overlap."""
    return metrics.section(HuddleScores)


@pytest.fixture(scope="module")
def metrics(coco_mini, noisy):
    return evaluate_coco(coco_mini, noisy(coco_mini), huddles=RULE)


def test_every_cell_has_its_number_and_its_count(metrics):
    lines = huddle_table(huddles_of(metrics)).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("AP (boxes/masks) of images")
    assert lines[2] == "overlap: IoU of boxes"
    first = next(number for number, line in enumerate(lines) if line.startswith("-1.0"))
    all_images = f"{metrics.box.ap:.3f}/{metrics.mask.ap:.3f}"
    assert lines[first].split() == ["-1.0", all_images]
    assert lines[first + 1].split() == [str(huddles_of(metrics).num_images[0, 0])]
    for row in range(1, 6):
        cells, counts = (lines[first + 2 * row + more].split() for more in (0, 1))
        assert [int(count) for count in counts] == huddles_of(metrics).num_images[row].tolist()
        is_few = huddles_of(metrics).num_images[row] < 5
        assert [cell == "-" for cell in cells[1:]] == is_few.tolist()
    assert (huddles_of(metrics).num_images < 5).any()


def test_objects_have_intervals(metrics):
    lines = huddle_table(huddles_of(metrics)).splitlines()
    below = next(number for number, line in enumerate(lines) if "95 % interval" in line)
    assert "10 resamples" in lines[below]
    assert lines[below + 1].split() == ["T_O", "objects", "boxes", "masks"]
    cells = lines[below + 3].split()
    assert cells[:2] == ["0.0", str(huddles_of(metrics).num_objects[1])]
    low, high = huddles_of(metrics).box.interval(1)
    assert (
        " ".join(cells[2:6])
        == f"{huddles_of(metrics).box.objects[1]:.3f} ({low:.3f} to {high:.3f})"
    )


def test_differences_have_signs(metrics, coco_mini, perfect):
    best = evaluate_coco(coco_mini, perfect(coco_mini), huddles=RULE).section(HuddleScores)
    table = huddle_table(huddles_of(metrics).minus(best))
    assert max(map(len, table.splitlines())) <= 80
    assert table.startswith("Difference of AP")
    assert f"{metrics.box.ap - 1:+.3f}" in table
    assert "+0.000 (+0.000 to +0.000)" in huddle_table(best.minus(best))


def test_boxes_only(coco_mini, noisy):
    rule = HuddleRule("ioa", same_class=True, min_images=5, resamples=2)
    metrics = evaluate_coco(coco_mini, noisy(coco_mini), huddles=rule, iou_types=("bbox",))
    table = huddle_table(huddles_of(metrics))
    assert "masks" not in table
    assert "overlap: intersection of boxes over the object's own, of objects of its class" in table


def test_no_number_is_a_dash(coco_mini):
    coco_mini = {**coco_mini, "annotations": []}
    huddles = evaluate_coco(coco_mini, [], huddles=RULE).section(HuddleScores)
    assert np.isnan(huddles.box.objects).all()
    lines = huddle_table(huddles).splitlines()
    last = [line for line in lines if line.split()[:2] == ["0.4", "0"]][-1]
    assert last.split() == ["0.4", "0", "-"]
    assert lines[-1] == "-: no object overlaps another one so much"
    assert max(map(len, lines)) <= 80


def test_a_few_images_have_no_interval_and_the_table_says_why(metrics):
    scores = huddles_of(metrics)
    with_objects = scores.num_images[:, 0]
    least = int(with_objects.max())
    few = with_objects < least
    assert few.any()
    lines = huddle_table(replace(scores, rule=replace(RULE, min_images=least))).splitlines()
    assert f"-: fewer than {least} images, which give no number that can be used" in lines
    assert f"no interval: fewer than {least} images with such objects" in lines
    below = next(number for number, line in enumerate(lines) if "95 % interval" in line)
    for row, line in enumerate(lines[below + 2 : below + 8]):
        assert ("(no interval)" in line) == (few[row] and scores.num_objects[row] > 0)


def test_the_table_of_metrics_ends_with_it(metrics):
    assert metrics.table().endswith(huddle_table(huddles_of(metrics)))
