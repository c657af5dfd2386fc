"""Sizes and orientations of files from their headers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from relook.data.images import stored_orientation, stored_size
from relook.data.images.headers import read_header, read_headers


def write(path: Path, kind: str, **options: Any) -> Path:
    Image.new("RGB", (31, 17)).save(path, kind, **options)
    return path


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_headers_say_what_whole_files_say(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", kind)
    header = read_header(path)
    assert (header.exists, header.size, header.orientation) == (True, (17, 31), 1)
    assert stored_size(path)[0] == header.size


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientations(kind: str, orientation: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a", kind, exif=exif(orientation))
    header = read_header(path)
    assert (header.size, header.orientation) == ((17, 31), orientation)
    assert stored_orientation(path) == orientation


def test_an_orientation_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.png", "PNG").read_bytes()
    buffer = io.BytesIO()
    PngImagePlugin.putchunk(buffer, b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0"))
    (tmp_path / "b.png").write_bytes(plain[:-12] + buffer.getvalue() + plain[-12:])
    assert read_header(tmp_path / "b.png").orientation == 6


def test_pixels_are_not_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", "JPEG", progressive=True, exif=exif(8))
    path.write_bytes(path.read_bytes()[:-30])
    assert read_header(path)[:3] == (True, (17, 31), 8)


def test_what_is_missing_or_no_image(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(write(tmp_path / "b", "JPEG").read_bytes()[:30])
    assert not read_header(tmp_path / "missing.png").exists
    assert not read_header(tmp_path / ("x" * 5000)).exists
    assert not read_header(tmp_path).exists
    for name, said in (("text.png", "Git LFS"), ("empty.png", "empty"), ("cut.jpg", "damaged")):
        header = read_header(tmp_path / name)
        assert (header.exists, header.size, said in header.problem) == (True, None, True)


def test_many_files_in_threads_stay_in_order(tmp_path: Path) -> None:
    paths = []
    for k in range(1, 131):
        Image.new("L", (k, 2)).save(tmp_path / f"{k}.png")
        paths.append(tmp_path / f"{k}.png")
    paths.insert(40, tmp_path / "missing.png")
    widths = [header.size[1] if header.size else 0 for header in read_headers(paths)]
    assert widths == [*range(1, 41), 0, *range(41, 131)]
