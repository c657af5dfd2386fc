import numpy as np
import pytest
from PIL import Image

from relook.errors import RelookError, UsageError
from relook.visualization.sheet import Row, compare, contact_sheet, save_picture


def plain(color, size=(100, 50)):
    return Image.new("RGB", size, color)


def area_of(sheet, color):
    return np.count_nonzero((np.asarray(sheet) == color).all(axis=2))


def test_every_picture_stands_in_the_sheet_at_the_size_of_its_cell():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255)]
    rows = [Row((plain(colors[0]), plain(colors[1])), "first"), Row(tuple(map(plain, colors[2:])))]
    for rows_per_line in (1, 2, 5):
        sheet = contact_sheet(rows, ("a", "b"), title="t", cell=200, rows_per_line=rows_per_line)
        assert [area_of(sheet, color) for color in colors] == [200 * 100] * 4


def test_rows_beside_each_other_make_a_lower_and_wider_sheet():
    rows = [Row((plain("red"), plain("red")))] * 8
    tall, wide = contact_sheet(rows, cell=100), contact_sheet(rows, cell=100, rows_per_line=2)
    assert wide.width > 1.9 * tall.width
    assert wide.height < 0.6 * tall.height


def test_headings_title_and_captions_are_written():
    row = Row((plain("red"),))
    heights = [
        contact_sheet([row], cell=200).height,
        contact_sheet([row], ("image",), cell=200).height,
        contact_sheet([row], ("image",), title="細胞", cell=200).height,
        contact_sheet([Row(row.pictures, "x" * 500)], ("image",), title="t", cell=200).height,
    ]
    assert heights == sorted(set(heights))


def test_a_tall_and_a_tiny_picture_fit():
    sheet = contact_sheet([Row((plain("red", (1, 300)), plain("blue", (1, 1))))], cell=150)
    assert area_of(sheet, (255, 0, 0)) == 150
    assert area_of(sheet, (0, 0, 255)) == 150 * 150


@pytest.mark.parametrize(
    ("rows", "headings"),
    [
        ([], ()),
        ([Row(())], ()),
        ([Row((plain("red"),)), Row((plain("red"),) * 2)], ()),
        ([Row((plain("red"),))], ("a", "b")),
    ],
)
def test_nothing_or_uneven_rows_are_refused(rows, headings):
    with pytest.raises(UsageError, match="U03"):
        contact_sheet(rows, headings)


def test_a_comparison_shows_the_image_the_truth_and_the_finds():
    image = np.full((800, 800, 3), 50, dtype=np.uint8)
    mask = np.zeros((800, 800), dtype=bool)
    mask[100:200, 100:200] = True
    box = np.array([[100, 100, 200, 200]])
    row = compare(image, (box, [mask]), (np.zeros((0, 4)), []), "one missed")
    difference = [(np.asarray(picture) != image).any() for picture in row.pictures]
    assert difference == [False, True, False]
    assert row.caption == "one missed"


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG", "deep/down/c.png"])
def test_pictures_are_saved_by_their_ending(tmp_path, name):
    save_picture(plain((200, 30, 40)), tmp_path / name)
    with Image.open(tmp_path / name) as saved:
        assert saved.format == ("PNG" if name.endswith("png") else "JPEG")
        assert saved.size == (100, 50)
        assert np.abs(np.asarray(saved.convert("RGB")).astype(int) - (200, 30, 40)).max() < 6
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [name.split("/")[-1]]


def test_an_unknown_ending_and_a_folder_that_cannot_be_made_are_refused(tmp_path):
    with pytest.raises(UsageError, match="U03"):
        save_picture(plain("red"), tmp_path / "a.bmp")
    (tmp_path / "file").write_text("")
    with pytest.raises(RelookError, match="R02"):
        save_picture(plain("red"), tmp_path / "file" / "a.png")
