"""Images that are no files: their names and stamps."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from relook.data.sources.stored import (
    ImageBytes,
    ImagePixels,
    name_of,
    printable,
    safe_folder,
    stamp_of,
    stem_of,
)


def test_bytes_have_a_name_and_a_stamp() -> None:
    image = ImageBytes("stdin", b"content")
    assert (str(image), image.stem, image.load()) == ("stdin", "stdin", b"content")
    assert image.frame is None and image.time is None
    assert stamp_of(image) == stamp_of(ImageBytes("other", b"content"))
    assert stamp_of(image) != stamp_of(ImageBytes("stdin", b"contents"))
    assert pickle.loads(pickle.dumps(image)) == image
    assert "content" not in repr(image)


def test_pixels_under_a_name() -> None:
    image = ImagePixels("slices/7.png", np.ones((2, 3, 3), np.uint8))
    assert image.load().sum() == 18 and image.stamp() is None and image.stem == "7"


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert stamp_of(path) is None
    path.write_bytes(b"12")
    before = stamp_of(path)
    assert before == stamp_of(str(path)) and before is not None
    path.write_bytes(b"123")
    assert stamp_of(path) != before


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("scans.zip/deep/a.tif", "a"),
        ("scans.zip/../../../etc/passwd", "passwd"),
        ("scans.zip/..\\..\\evil.png", ".._.._evil"),
        ("scans.zip/a:b*c?.png", "a_b_c_"),
        ("scans.zip/\x1b[31m.png", "_[31m"),
        ("", "image"),
    ],
)
def test_names_of_results_stay_in_their_folder(name: str, stem: str) -> None:
    assert stem_of(ImageBytes(name, b"")) == stem


def test_names_of_results_fit_a_file_system() -> None:
    assert stem_of(Path("photos/a.b.png")) == "a.b"
    for name in ("x" * 250, "é" * 120, "x" + "é" * 120, "\udcff" * 240, "\udc80" * 240):
        stem = stem_of(Path(f"{name}.png"))
        assert 100 < len(stem.encode(errors="surrogateescape")) <= 160
        assert name.startswith(stem)


def test_control_characters_are_shown() -> None:
    assert printable("Zellen µm.png") == "Zellen µm.png"
    assert printable("a\x1b]0;b\x07\n") == "a\\x1b]0;b\\x07\\n"
    assert printable("\udcff") == "\\udcff"


def test_a_name_has_the_folders_below_the_root(tmp_path: Path) -> None:
    image = tmp_path / "a" / "b" / "x.png"
    assert name_of(image, tmp_path) == "a/b/x"
    assert name_of(image, tmp_path / "a") == "b/x"
    assert name_of(image, tmp_path / "other") == name_of(image) == "x"
    assert name_of(ImageBytes("scans/a/x.png", b""), tmp_path) == "x"


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a", "a"), ("a:b*", "a_b_"), (" .. ", "_"), ("", "_"), ("x" * 99, "x" * 40)],
)
def test_folders_have_names_that_every_system_takes(name: str, safe: str) -> None:
    assert safe_folder(name) == safe
