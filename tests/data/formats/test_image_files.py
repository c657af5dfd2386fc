"""Images are found by the names that tools write, and by nothing else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from relook.data.formats.image_files import ImageFinder, common_folder, plain_absolute
from relook.errors import DataError


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2)).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("train/a.png", "exactly"),
        ("./train/a.png", "exactly"),
        ("C:\\data\\train\\A.PNG", "by the last part of the name"),
        ("Train\\a.PNG", "by Unicode form or case"),
        ("/data/local-files/?d=train/a.png", "exactly"),
        ("https://host/bucket/a.png?sign=1", "by the last part of the name"),
        ("s3://bucket/a%2Epng", "by the last part of the name"),
    ],
)
def test_names_as_tools_write_them(tmp_path: Path, name: str, how: str) -> None:
    path = image(tmp_path / "images" / "train" / "a.png")
    finder = ImageFinder(tmp_path / "x.json", tmp_path / "images")
    assert finder.named(name, tmp_path, "x.json") == path
    assert finder.matched == {how: 1}


def test_an_image_of_another_ending_is_named(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    finder = ImageFinder(tmp_path / "x.json", tmp_path / "images")
    for name in ("a.jpg", "data\\a.tif", "a"):
        with pytest.raises(DataError, match=r"D01.*a\.png is there: if it is meant"):
            finder.named(name, tmp_path, "x.json")
    with pytest.raises(DataError, match=r"D01.*take it out of the annotations"):
        finder.named("b.jpg", tmp_path, "x.json")


def test_unicode_forms_are_one_name(tmp_path: Path) -> None:
    path = image(tmp_path / unicodedata.normalize("NFD", "Gerät.png"))
    finder = ImageFinder(tmp_path, None)
    assert finder.named(unicodedata.normalize("NFC", "Gerät.png"), tmp_path, "x") == path
    assert finder.matched == {"by Unicode form or case": 1}


def test_of_several_files_the_one_with_most_of_the_path(tmp_path: Path) -> None:
    first, second = image(tmp_path / "u" / "a.png"), image(tmp_path / "v" / "a.png")
    finder = ImageFinder(tmp_path / "x", tmp_path)
    assert finder.named("else/v/a.png", tmp_path, "x") == second
    with pytest.raises(DataError, match=r"may be .*u/a.png, .*v/a.png"):
        finder.named("a.png", tmp_path, "x")
    assert finder.of_stem("a", tmp_path / "u", "x") == first
    assert finder.all() == [first, second] and finder.only() is None


@pytest.mark.parametrize(
    ("beside", "found"),
    [
        ("labels/train", "images/train"),
        ("train/masks", "train/images"),
        ("labels", "images"),
        ("val/masks", None),
    ],
)
def test_names_without_ending_by_their_folders(
    tmp_path: Path, beside: str, found: str | None
) -> None:
    folders = ("images/train", "images/val", "images", "train/images", "val/a", "val/b")
    for name in folders[:3] if beside.startswith("labels") else folders[3:]:
        image(tmp_path / name / "a.png")
    finder = ImageFinder(tmp_path, None)
    if found is None:
        with pytest.raises(DataError, match="may be"):
            finder.of_stem("a", tmp_path / beside, "x")
    else:
        assert finder.of_stem("a", tmp_path / beside, "x").parent == tmp_path / found


def test_names_do_not_lead_out(tmp_path: Path) -> None:
    image(tmp_path / "secret" / "a.png")
    beside = image(tmp_path / "set" / "other" / "b.png")
    (tmp_path / "set" / "json").mkdir()
    finder = ImageFinder(tmp_path / "set" / "json", None)
    assert finder.named("../other/b.png", tmp_path / "set" / "json", "x") == beside
    for name in ("../../secret/a.png", str(tmp_path / "secret" / "a.png"), "a.png", "", "..", "\0"):
        with pytest.raises(DataError) as caught:
            finder.named(name, tmp_path / "set" / "json", "x.json")
        assert caught.value.code == "D01"
    with pytest.raises(DataError, match="D01"):
        finder.named("x" * 5000 + ".png", tmp_path / "set" / "json", "x.json")


def test_stems_of_ome_files(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    Image.new("L", (3, 2)).save(path)
    finder = ImageFinder(tmp_path, None)
    for stem in ("slide", "slide.ome"):
        assert finder.of_stem(stem, tmp_path, "x") == path


def test_no_folder_is_looked_into_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(tmp_path / "images" / "a.png")
    assert ImageFinder(path.parent, None).of_stem("a", tmp_path, "x") == path
    monkeypatch.chdir(tmp_path)
    assert ImageFinder(Path(), None).of_stem("a", tmp_path, "x") == Path("images/a.png")
    assert ImageFinder(Path("images/.."), None).all() == [Path("images/../images/a.png")]
    (tmp_path / "labels").mkdir()
    monkeypatch.chdir(tmp_path / "labels")
    assert ImageFinder(Path(), None).of_stem("a", tmp_path, "x") == path


def test_folders_beside_the_annotations_and_files_left_out(tmp_path: Path) -> None:
    path = image(tmp_path / "images" / "a.png")
    image(tmp_path / "images" / ".hidden.png")
    image(tmp_path / "images" / ".cache" / "a.png")
    mask = image(tmp_path / "json" / "a_mask.png")
    (tmp_path / "images" / "a.txt").write_text("words")
    finder = ImageFinder(tmp_path / "json", None)
    assert finder.all() == [path, mask] and finder.has_stem("A")
    finder.leave_out(lambda file: file.stem.endswith("_mask"))
    assert finder.all() == [path] and finder.only() == path
    with pytest.raises(DataError, match="no such folder of images"):
        ImageFinder(tmp_path, tmp_path / "none")


def test_sizes_are_upright_or_as_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.new("L", (30, 20)).save(path, exif=exif)
    finder = ImageFinder(tmp_path, None)
    assert finder.size(path, "x") == (30, 20)
    assert finder.size(path, "x", (20, 30)) == (20, 30)
    with pytest.raises(DataError, match="31 x 20") as caught:
        finder.size(path, "x", (20, 31))
    assert caught.value.code == "D10"


def test_headers_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(tmp_path / "a.png")
    finder = ImageFinder(tmp_path, None)
    assert finder.size(path, "x") == (2, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    with pytest.raises(DataError, match="too large"):
        finder.size(path, "x")
    path.write_bytes(b"words")
    with pytest.raises(DataError, match="is a text file"):
        finder.size(path, "x")


def test_the_folder_of_all(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.png", tmp_path / "a" / "b" / ".." / "y.png"]
    assert common_folder(paths) == tmp_path / "a"
    assert plain_absolute(Path("x/../y")) == Path.cwd() / "y"
