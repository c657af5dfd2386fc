import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.errors import UsageError
from relook.ops.rle import encode_mask
from relook.visualization import places
from relook.visualization.overlay import draw_objects
from relook.visualization.palette import COLORS


def gray(height, width):
    return np.full((height, width, 3), 90, dtype=np.uint8)


def disc(size, cx, cy, radius):
    y, x = np.mgrid[: size[0], : size[1]]
    return (x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= radius**2


def scene(height=800, width=900):
    centres = [(200, 300, 60), (500, 400, 90)]
    masks = [disc((height, width), *centre) for centre in centres]
    boxes = np.array([[x - r, y - r, x + r, y + r] for x, y, r in centres])
    return gray(height, width), boxes, masks


def changed(picture, image):
    return (np.asarray(picture) != image).any(axis=2)


def test_a_mask_is_tinted_inside_outlined_at_its_edge_and_nothing_else_is_touched():
    image, boxes, masks = scene()
    picture = draw_objects(image, boxes, masks, show_boxes=False)
    difference = changed(picture, image)
    assert difference[masks[0] | masks[1]].all()
    near = disc(image.shape, 200, 300, 63) | disc(image.shape, 500, 400, 93)
    assert not difference[~near].any()
    pixels = np.asarray(picture)
    color = np.array(COLORS[0])
    assert np.abs(pixels[300, 200] - (90 * 0.6 + color * 0.4)).max() <= 1  # the fill
    assert np.abs(pixels[300, 141] - color).max() <= 30  # the outline


def test_codes_and_arrays_give_the_same_picture_and_the_image_stays_as_it_was():
    image, boxes, masks = scene()
    before = image.copy()
    from_arrays = draw_objects(image, boxes, masks, ["a", "b"], [0.9, 0.5])
    from_codes = draw_objects(image, boxes, [encode_mask(m) for m in masks], ["a", "b"], [0.9, 0.5])
    assert (np.asarray(from_arrays) == np.asarray(from_codes)).all()
    assert (image == before).all()


def test_without_masks_boxes_are_drawn():
    image, boxes, _ = scene()
    difference = changed(draw_objects(image, boxes), image)
    assert difference[300, 140] and difference[300, 260] and difference[240, 200]
    assert not difference[300, 200]  # inside
    assert not difference[100, 100]


def test_names_are_written_near_their_objects():
    image, boxes, _ = scene()
    without, with_text = draw_objects(image, boxes), draw_objects(image, boxes, names=["ab", "cd"])
    difference = changed(with_text, np.asarray(without))
    assert difference[200:240, 140:300].any()
    assert difference[270:310, 410:600].any()
    difference[200:240, 140:300] = difference[270:310, 410:600] = False
    assert not difference.any()


def test_scores_are_written():
    image, boxes, _ = scene()
    low, high = (draw_objects(image, boxes, None, ["a", "b"], [s, s]) for s in (0.31, 0.97))
    assert changed(low, np.asarray(high)).any()


def crowd(count):
    boxes = np.array([[24 * i, 400, 24 * i + 20, 420] for i in range(count)], dtype=np.float32)
    return gray(800, 1000), boxes, ["cell"] * count


def test_a_crowd_gets_a_count_instead_of_texts_unless_forced():
    image, boxes, names = crowd(41)
    plain = np.asarray(draw_objects(image, boxes))
    difference = changed(draw_objects(image, boxes, names=names), plain)
    assert difference[700:, :200].any()  # the count, lower left
    assert not difference[:700].any()
    forced = changed(draw_objects(image, boxes, names=names, text=True, legend=False), plain)
    assert forced[300:500].any()
    assert not forced[700:].any()
    assert not changed(draw_objects(image, boxes, names=names, legend=False), plain).any()


def test_the_last_uncrowded_picture_has_texts():
    image, boxes, names = crowd(40)
    plain = np.asarray(draw_objects(image, boxes))
    difference = changed(draw_objects(image, boxes, names=names), plain)
    assert difference[350:470].any()
    assert not difference[700:].any()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((64, 64), (832, 832)),
        ((1, 1), (800, 800)),
        ((600, 799), (1598, 1200)),
        ((600, 800), (800, 600)),
        ((3, 4000), (4000, 3)),
    ],
)
def test_small_images_are_enlarged_and_large_ones_are_not(shape, expected):
    box = [[0, 0, shape[1], shape[0]]]
    mask = np.ones(shape, dtype=bool)
    assert draw_objects(gray(*shape), box, [mask], ["thing"], [0.5]).size == expected
    assert draw_objects(gray(*shape), []).size == expected


def test_images_of_tiny_objects_are_enlarged_so_that_one_sees_them():
    boxes = np.array([[5 * i, 5, 5 * i + 4, 9] for i in range(100)], dtype=np.float32)
    assert draw_objects(gray(640, 640), boxes).size == (1920, 1920)
    assert draw_objects(gray(1500, 1500), boxes).size == (1500, 1500)


def test_an_enlarged_mask_lies_where_its_object_is():
    mask = np.zeros((64, 64), dtype=bool)
    mask[10:20, 30:50] = True
    image = gray(64, 64)
    picture = draw_objects(image, [[30, 10, 50, 20]], [mask], show_boxes=False)
    rows, columns = np.nonzero(changed(picture, np.asarray(draw_objects(image, []))))
    assert rows.min() == pytest.approx(10 * 13, abs=3)
    assert rows.max() == pytest.approx(20 * 13, abs=3)
    assert columns.min() == pytest.approx(30 * 13, abs=3)
    assert columns.max() == pytest.approx(50 * 13, abs=3)


def test_a_small_object_shows_on_top_of_a_large_one_whatever_the_order():
    large, small = disc((800, 800), 400, 400, 300), disc((800, 800), 400, 400, 40)
    boxes = np.array([[100, 100, 700, 700], [360, 360, 440, 440]], dtype=np.float32)
    for rows in ([0, 1], [1, 0]):
        masks = [[large, small][i] for i in rows]
        picture = draw_objects(gray(800, 800), boxes[rows], masks, labels=rows, color_by="class")
        below, above = 90 * 0.6 + np.array(COLORS[0]) * 0.4, np.array(COLORS[1])
        centre = np.asarray(picture)[380, 380]
        assert np.abs(centre - (below * 0.6 + above * 0.4)).max() <= 2


def test_colors_follow_instances_for_one_class_and_classes_for_more():
    image, boxes, masks = scene()

    def edges(**options):
        pixels = np.asarray(draw_objects(image, boxes, masks, show_boxes=False, **options))
        return [tuple(pixels[300, 141] // 40), tuple(pixels[400, 411] // 40)]

    def of(*rows):
        return [tuple(np.array(COLORS[row]) // 40) for row in rows]

    assert edges(labels=[5, 5]) == of(0, 1)
    assert edges(labels=[5, 7]) == of(5, 7)
    assert edges(labels=[5, 5], color_by="class") == of(5, 5)
    assert edges(labels=[5, 7], color_by="instance") == of(0, 1)
    assert edges(labels=[5, 7], colors=[COLORS[3], COLORS[2]]) == of(3, 2)
    with pytest.raises(UsageError, match=r"U03.*2 boxes and 1 colors"):
        edges(colors=[COLORS[3]])


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.lists(
        st.lists(
            st.floats(-1e9, 1e9, width=32) | st.sampled_from([np.nan, np.inf]),
            min_size=4,
            max_size=4,
        ),
        max_size=3,
    ),
)
def test_no_box_breaks_the_drawing(shape, boxes):
    names = ["thing"] * len(boxes)
    masks = [np.zeros(shape, dtype=bool)] * len(boxes)
    draw_objects(gray(*shape), np.array(boxes), masks, names, show_boxes=True)
    draw_objects(gray(*shape), np.array(boxes), None, names)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), dtype=np.uint8),
        np.zeros((10, 10, 4), dtype=np.uint8),
        np.zeros((10, 10, 3), dtype=np.float32),
        np.zeros((0, 10, 3), dtype=np.uint8),
    ],
)
def test_an_image_of_another_kind_is_refused(image):
    with pytest.raises(UsageError, match=r"U03.*RGB"):
        draw_objects(image, [])


@pytest.mark.parametrize("name", ["masks", "names", "scores", "labels", "ids"])
def test_lists_of_another_length_are_refused(name):
    with pytest.raises(UsageError, match=f"1 boxes and 0 {name}"):
        draw_objects(gray(10, 10), [[0, 0, 5, 5]], **{name: []})


def test_an_identity_decides_colour_and_number_wherever_its_object_is():
    image, boxes, masks = scene()
    first = np.asarray(draw_objects(image, boxes, masks, ["a", "b"], ids=[14, 3], text=False))
    second = np.asarray(
        draw_objects(image, boxes[::-1], masks[::-1], ["b", "a"], ids=[3, 14], text=False)
    )
    for pixels in (first, second):
        assert pixels[330, 200].tolist() == np.rint(90 * 0.6 + 0.4 * np.array(COLORS[1])).tolist()
        assert pixels[430, 500].tolist() == np.rint(90 * 0.6 + 0.4 * np.array(COLORS[2])).tolist()
    with_text = draw_objects(image, boxes, masks, ["a", "b"], ids=[14, 3])
    assert changed(with_text, first).any()


def test_pictures_of_one_film_have_one_size_and_every_object_its_number():
    corners = np.array([[x, y] for x in range(0, 200, 10) for y in range(0, 100, 10)])
    boxes = np.concatenate([corners, corners + 6], axis=1)
    ids, names = np.arange(1, len(boxes) + 1), ["a"] * len(boxes)
    crowd = draw_objects(gray(100, 200), boxes, None, names, ids=ids, legend=False)
    assert crowd.size == draw_objects(gray(100, 200), boxes[:0], None, [], ids=[]).size
    plain = draw_objects(gray(100, 200), boxes, None, None, ids=ids)
    differs = changed(crowd, np.asarray(plain))
    scale = crowd.size[0] // 200
    for x, y in corners:
        assert differs[scale * y : scale * (y + 8), scale * x : scale * (x + 8)].any()


def grid_of(side, gap, count, height=800, width=900):
    """Square objects in rows, `gap` pixels apart."""
    boxes = []
    for number in range(count):
        row, column = divmod(number, (width - gap) // (side + gap))
        x, y = gap + column * (side + gap), gap + row * (side + gap)
        boxes.append([x, y, x + side, y + side])
    return gray(height, width), np.array(boxes, dtype=np.float32), ["cell"] * count


@pytest.mark.parametrize(("side", "gap"), [(90, 40), (60, 30), (120, 25)])
def test_texts_hide_little_of_any_object(side, gap):
    image, boxes, names = grid_of(side, gap, 20)
    plain = np.asarray(draw_objects(image, boxes))
    hidden = changed(draw_objects(image, boxes, names=names, scores=[0.9] * 20), plain)
    assert hidden.any()
    for x1, y1, x2, y2 in boxes.astype(int):
        assert hidden[y1:y2, x1:x2].mean() <= 0.05


def test_objects_that_leave_no_room_have_a_count_and_no_texts(monkeypatch):
    monkeypatch.setattr(places, "MOST_HIDDEN", 0.0)
    image, boxes, names = grid_of(30, 1, 36, 187, 187)
    plain = np.asarray(draw_objects(image, boxes, names=names, text=False, legend=False))
    counted = np.asarray(draw_objects(image, boxes, names=names, text=False))
    automatic = np.asarray(draw_objects(image, boxes, names=names))
    assert (automatic == counted).all()
    assert (counted != plain).any()
    forced = np.asarray(draw_objects(image, boxes, names=names, text=True, legend=False))
    assert (forced != plain).any()
