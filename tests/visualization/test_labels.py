import numpy as np
import pytest
from PIL import Image, ImageFont

from relook.visualization import labels
from relook.visualization.labels import Label, draw_labels, draw_legend, draw_numbers, printable
from relook.visualization.places import Shape

RED = (255, 0, 0)


def painted(picture):
    """Bounding box of what is not black."""
    return picture.getbbox()


@pytest.mark.parametrize(
    "text", ["nucleus", "Zellkern ä", "細胞核", "ядро", "\n\x00\u202e", "", "a" * 500, "🍄"]
)
def test_any_name_can_be_written(text):
    picture = Image.new("RGB", (300, 200))
    draw_labels(picture, [Label(text, (50, 50, 90, 90), RED)], 16)
    draw_legend(picture, [(text, None), (text, RED)], 16)
    assert painted(picture) is not None


def test_a_pillow_without_freetype_still_writes_names(monkeypatch):
    monkeypatch.setattr(labels, "load_font", lambda *_: ImageFont.load_default_imagefont())
    picture = Image.new("RGB", (300, 200))
    draw_labels(picture, [Label("細胞核 0.9", (50, 50, 90, 90), RED)], 16)
    assert painted(picture) is not None


def test_a_label_stands_above_its_object_and_does_not_cover_it():
    picture = Image.new("RGB", (300, 200))
    draw_labels(picture, [Label("cell", (50, 100, 90, 140), RED)], 16)
    left, top, _, bottom = painted(picture)
    assert left == 50
    assert top > 60
    assert bottom <= 100


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (290, 190, 300, 200), (-50, -50, -10, -10)])
def test_a_label_at_the_border_stays_inside(box):
    picture = Image.new("RGB", (300, 200))
    draw_labels(picture, [Label("mushroom 0.87", box, RED)], 16)
    width = painted(picture)[2] - painted(picture)[0]
    reference = Image.new("RGB", (300, 200))
    draw_labels(reference, [Label("mushroom 0.87", (100, 100, 120, 120), RED)], 16)
    assert width == painted(reference)[2] - painted(reference)[0]


def test_labels_of_objects_at_one_place_do_not_cover_each_other():
    single = Image.new("RGB", (300, 300))
    label = Label("cell", (100, 100, 140, 140), RED)
    draw_labels(single, [label], 16)
    area = np.count_nonzero(np.asarray(single).any(axis=2))
    double = Image.new("RGB", (300, 300))
    draw_labels(double, [label] * 4, 16)
    assert np.count_nonzero(np.asarray(double).any(axis=2)) > 3.9 * area


def test_a_long_legend_says_how_much_it_leaves_out():
    short, long = Image.new("RGB", (400, 400)), Image.new("RGB", (400, 400))
    draw_legend(short, [(f"class {i}", RED) for i in range(8)], 16)
    draw_legend(long, [(f"class {i}", RED) for i in range(80)], 16)
    assert painted(short)[1] > painted(long)[1] > 100


def test_names_are_printed_on_one_line_of_bounded_length():
    assert printable("a\nb\x07c") == "a b c"
    assert len(printable("x" * 100)) == 40
    assert printable("x" * 100, 10) == "xxxxxxx..."


@pytest.mark.parametrize("is_plain", [True, False])
def test_numbers_stand_at_their_centres(monkeypatch, is_plain):
    if is_plain:
        monkeypatch.setattr(labels, "load_font", lambda *_: ImageFont.load_default_imagefont())
    picture = Image.new("RGB", (300, 200), (0, 0, 90))
    draw_numbers(picture, [7, 1234], [(60, 50), (200, 150)], 20)
    changed = (np.asarray(picture) != (0, 0, 90)).any(axis=2)
    for x, y, half in ((60, 50, 10), (200, 150, 30)):
        rows, columns = np.nonzero(changed[y - 15 : y + 15, x - half - 10 : x + half + 10])
        assert abs(columns.min() + columns.max() - 2 * (half + 10)) <= 6
        assert abs(rows.min() + rows.max() - 30) <= 6
    assert changed.any() and not changed[:30].any()


def tiles(count):
    """Objects side by side that fill a picture of 300 x 200 pixels but for its lower half."""
    return [Shape.of_box(np.array([30 * n, 0, 30 * n + 30, 100])) for n in range(count)]


def test_labels_without_a_place_are_left_out_and_counted():
    labels = [Label("cell", (30 * n, 40, 30 * n + 30, 60), RED) for n in range(10)]
    picture = Image.new("RGB", (300, 200))
    assert draw_labels(picture, labels, 16, shapes=tiles(10)) == 10  # all far from the lower half
    assert painted(picture) is None
    below = [Label("cell", (100 * n, 80, 100 * n + 30, 100), RED) for n in range(3)]
    assert draw_labels(picture, [*below, labels[0]], 16, shapes=tiles(10)) == 1
    assert painted(picture)[1] >= 95


def test_letters_become_smaller_where_that_makes_room():
    label = Label("cell", (0, 120, 300, 200), RED)
    shapes = [Shape.of_box(np.array(box)) for box in ([0, 0, 300, 100], [0, 120, 300, 200])]
    heights = []
    for given in ([], shapes):
        picture = Image.new("RGB", (300, 200))
        assert draw_labels(picture, [label], 40, shapes=given) == 0
        _, top, _, bottom = painted(picture)
        heights.append(bottom - top)
    assert heights[1] < heights[0] / 1.3
