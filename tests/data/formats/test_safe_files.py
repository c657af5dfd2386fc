"""Hostile and damaged files are refused before they take memory."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.data.formats import safe_files
from relook.data.formats.safe_files import (
    base64_of,
    coded_mask,
    inflated,
    json_of,
    read_bytes,
    read_json,
    read_text,
    read_yaml,
    zip_members,
)
from relook.errors import DataError


def test_files_that_are_not_there_or_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    for make, code, words in (
        (lambda: None, "D01", "no such annotation file"),
        (path.touch, "D03", "is empty"),
        (
            lambda: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid"),
            "D03",
            "git lfs pull",
        ),
        (lambda: path.write_bytes(b"\xff\xfe\xfd"), "D03", "cannot be read|not UTF-8"),
        (lambda: path.write_text("[" * 200_000), "D03", "nested too deeply"),
        (lambda: path.write_text('{"a": ' + "9" * 5000 + "}"), "D03", "cannot be read"),
        (lambda: path.write_text('{"a": 1'), "D03", "line 1, column 8"),
    ):
        make()
        with pytest.raises(DataError, match=words) as caught:
            read_json(path)
        assert caught.value.code == code
    with pytest.raises(DataError, match="is a folder"):
        read_bytes(tmp_path)
    path.write_bytes(b"a\xff")
    with pytest.raises(DataError, match="byte 1"):
        read_text(path)
    path.write_text("words")
    with pytest.raises(DataError, match="no annotation file needs"):
        read_bytes(path, most=4)


def test_json_with_marks_and_in_utf_16() -> None:
    value = {"a": ["ä"]}
    text = json.dumps(value, ensure_ascii=False)
    for coding in ("utf-8", "utf-8-sig", "utf-16"):
        assert json_of(text.encode(coding), "a") == value


def test_yaml_gives_plain_values_only(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("names: {0: a}")
    assert read_yaml(path) == {"names": {0: "a"}}
    for text in ("!!python/object/apply:os.system [ls]", "a: [", "? [1]\n: 2", "a: 2026-99-99"):
        path.write_text(text)
        with pytest.raises(DataError, match="not YAML"):
            read_yaml(path)


def _zip(path: Path, *members: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zip"
    members = (("x.roi", b"1"), ("__MACOSX/x.roi", b"2"), ("notes.txt", b"3"), ("../Y.ROI", b"4"))
    _zip(path, *members)
    assert list(zip_members(path, ".roi")) == [("x.roi", b"1"), ("../Y.ROI", b"4")]
    monkeypatch.setattr(safe_files, "MOST_MEMBER", 1000)
    for packing, content, words in (
        (zipfile.ZIP_DEFLATED, b"\0" * 2000, "as a bomb would"),
        (zipfile.ZIP_LZMA, b"1", "packed in an unusual way"),
    ):
        _zip(path, ("x.roi", content), packing=packing)
        with pytest.raises(DataError, match=words) as caught:
            list(zip_members(path, ".roi"))
        assert caught.value.code == "D03"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(DataError, match="cannot be read"):
        list(zip_members(path, ".roi"))
    monkeypatch.setattr(safe_files, "MOST_MEMBERS", 1)
    _zip(path, ("x.roi", b""), ("y.roi", b""))
    with pytest.raises(DataError, match="more than 1 members"):
        list(zip_members(path, ".roi"))


def test_packed_texts() -> None:
    packed = zlib.compress(b"\0" * 1000)
    assert inflated(packed) == b"\0" * 1000
    for data, most in ((packed, 100), (b"words", 100)):
        with pytest.raises(ValueError, match=r"unpacks|incorrect"):
            inflated(data, most)
    assert base64_of("data:image/png;base64," + base64.b64encode(b"abc").decode()) == b"abc"
    for value in (None, "a", "ä"):
        with pytest.raises(ValueError, match="it is no"):
            base64_of(value)


def test_masks_inside_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.array([[True, False, True]])

    def png(image: Image.Image) -> bytes:
        content = io.BytesIO()
        image.save(content, "PNG")
        return content.getvalue()

    grey = Image.fromarray(mask.astype(np.uint8))
    clear = Image.new("RGBA", (3, 1), (255, 255, 255, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    clear.putpixel((2, 0), (0, 0, 0, 9))
    for image in (grey, Image.fromarray(mask), clear, grey.convert("RGB")):
        assert np.array_equal(coded_mask(png(image), "a"), mask)
    with pytest.raises(DataError, match="D02"):
        coded_mask(png(grey)[:40], "a")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    with pytest.raises(DataError, match="too large"):
        coded_mask(png(grey), "a")
