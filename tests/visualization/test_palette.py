import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from relook.visualization.palette import COLORS, class_colors, id_colors, spread_colors, text_color


def test_touching_objects_in_a_grid_have_different_colors():
    boxes = np.array(
        [[x, y, x + 10, y + 10] for y in range(0, 100, 10) for x in range(0, 100, 10)],
        dtype=np.float32,
    )
    colors = spread_colors(boxes)
    for i in range(len(boxes)):
        for j in range(i):
            if np.abs(boxes[i] - boxes[j]).max() <= 10:
                assert colors[i] != colors[j]


def test_few_objects_all_differ_and_none_is_fine():
    boxes = np.zeros((len(COLORS), 4), dtype=np.float32)
    assert len(set(spread_colors(boxes))) == len(COLORS)
    assert spread_colors(boxes[:0]) == []


@given(st.lists(st.integers(0, 200), max_size=30))
def test_classes_differ_as_long_as_there_are_colors(labels):
    colors = class_colors(labels)
    pairs = set(zip(labels, colors, strict=True))
    assert len(pairs) == len(set(labels))  # one colour a class
    assert len(set(colors)) == min(len(set(labels)), len(COLORS))


def test_a_class_keeps_its_color_from_picture_to_picture():
    assert class_colors([3])[0] == class_colors([0, 3, 5])[1] == COLORS[3]


def test_text_can_be_read_on_every_color():
    assert text_color((0, 0, 0)) == (255, 255, 255)
    assert text_color((255, 255, 255)) != (255, 255, 255)
    for color in COLORS:
        luminance = [np.dot((0.299, 0.587, 0.114), c) for c in (color, text_color(color))]
        assert abs(luminance[0] - luminance[1]) > 90


def test_an_identity_has_one_colour():
    assert id_colors([1, 12, 13, 2]) == [COLORS[0], COLORS[11], COLORS[0], COLORS[1]]
    assert id_colors(np.array([], dtype=np.int64)) == []
