import numpy as np
import pytest
import torch

from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target
from relook.visualization.batch import draw_batch

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
RED, GREEN = (230, 20, 30), (10, 200, 40)


def batch(sizes=((600, 800), (800, 500)), canvas=(800, 800)):
    pixels = torch.zeros(len(sizes), 3, *canvas)
    for row, ((height, width), color) in enumerate(zip(sizes, (RED, GREEN), strict=True)):
        value = (torch.tensor(color) - torch.tensor(MEAN)) / torch.tensor(STD)
        pixels[row, :, :height, :width] = value[:, None, None]
    return ImageBatch(pixels, sizes, (canvas,) * 2, sizes, ((1.0, 1.0),) * 2)


def target(boxes, canvas=(800, 800), with_masks=True):
    masks = torch.zeros(len(boxes), *canvas, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Target(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.zeros(len(boxes), dtype=torch.int64),
        crop_masks(masks) if with_masks else None,
    )


def near(picture, color):
    return np.count_nonzero(np.abs(np.asarray(picture).astype(int) - color).max(axis=2) <= 1)


def test_images_get_their_colors_back_and_padding_is_cut_off():
    empty = target([])
    picture = draw_batch(batch(), [empty, empty], ["cell"], MEAN, STD)
    assert near(picture, RED) == 800 * 600
    assert near(picture, GREEN) == 800 * 500
    assert near(picture, (124, 116, 104)) == 0  # what zeros of the padding would look like


@pytest.mark.parametrize("with_masks", [True, False])
def test_targets_are_drawn_over_their_images(with_masks):
    empty = target([], with_masks=with_masks)
    full = target([(100, 100, 300, 300)], with_masks=with_masks)
    without = draw_batch(batch(), [empty, empty], ["cell"], MEAN, STD)
    drawn = draw_batch(batch(), [full, empty], ["cell"], MEAN, STD)
    lost = near(without, RED) - near(drawn, RED)
    assert lost > (39_000 if with_masks else 800)
    assert near(without, GREEN) == near(drawn, GREEN)


def test_a_mask_that_reaches_into_the_padding_is_cut():
    reaching = target([(700, 500, 800, 800), (0, 700, 100, 800)])
    draw_batch(batch(), [reaching, reaching], ["cell"], MEAN, STD)


def test_a_large_batch_is_shown_in_part():
    whole = batch()
    few = draw_batch(whole, [target([])] * 2, ["cell"], MEAN, STD, limit=1)
    assert near(few, RED) == 800 * 600
    assert near(few, GREEN) == 0
