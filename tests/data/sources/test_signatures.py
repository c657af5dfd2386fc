"""What files are called by their first bytes."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relook.data.sources.signatures import HEAD, recognise, refusal

from ...work import without_hopeless_work


def encoded(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), "red").save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("JPEG", "JPEG image"),
        ("PNG", "PNG image"),
        ("TIFF", "TIFF image"),
        ("GIF", "GIF image"),
        ("BMP", "BMP image"),
        ("WEBP", "WebP image"),
        ("AVIF", "AVIF image"),
        ("PPM", "Netpbm image"),
        ("JPEG2000", "JPEG 2000 image"),
        ("MPO", "JPEG image"),
    ],
)
def test_images_as_they_are_written(kind: str, name: str) -> None:
    found = recognise(encoded(kind))
    assert found is not None and found.use == "image" and found.name.endswith(name)


def test_arrays_and_archives() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    assert recognise(file.getvalue()).name == "a NumPy array"  # type: ignore[union-attr]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    assert recognise(file.getvalue()).use == "archive"  # type: ignore[union-attr]
    assert recognise(b"II+\0\x08\0\0\0").name == "a TIFF image"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.7\n%", "is a PDF document. Export its pages"),
        (bytes(128) + b"DICM\2\0", "is a DICOM file"),
        (b"ZISRAWFILE\0\0", "is a Zeiss file (CZI). Open it in Fiji"),
        (b"\xda\xce\xbe\x0a\x10\0", "is a Nikon file (ND2)"),
        (b"\x70\0\0\0\x10\0\0\0\x2a", "is a Leica file (LIF)"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", "pip install pillow-heif"),
        (b"\0\0\0\x18ftypcrx \0", "raw photograph (CR3)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an OLE file"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is a PostScript drawing. Export it as PNG."),
        (b"\xc5\xd0\xd3\xc6\x1e\0", "is a PostScript drawing"),
        (b"\xd7\xcd\xc6\x9a\0\0", "is a Windows metafile"),
        (b"\1\0\0\0".ljust(40, b"\0") + b" EMF", "is a Windows metafile"),
        (b"v/1\1\2\0\0\0", "is an OpenEXR image"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "is a Radiance image (HDR)"),
        (b"MATLAB 5.0 MAT-file, Platform", "is a MATLAB file. Read it with scipy.io.loadmat"),
        (b"NRRD0004\ntype: uint16\n", "is an NRRD volume. Open it in Fiji"),
        (b"ObjectType = Image\nNDims = 3\n", "is a MetaImage volume. Open it in Fiji"),
        (b"Iout\0\xe3\0\0", "is a region of ImageJ (.roi), not an image"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "is a file that macOS writes beside another one"),
        (b"\0\0\0\1Bud1\0\0", "is a file that macOS writes beside"),
        (b"7z\xbc\xaf\x27\x1c\0", "is a 7z archive. Unpack it"),
        (b"\x1f\x8b\x08", "is a gzip file"),
        (b"a.png".ljust(257, b"\0") + b"ustar\x0000", "is a tar archive"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "is a pointer of Git LFS, not the file itself. Fetch it: git lfs pull.",
        ),
        (b"../../.git/annex/objects/Xx/a.jpg", "is a pointer of git-annex"),
        (b"<!DOCTYPE html>\n<html>", "is an HTML page"),
        (b"\n  <!-- a --> <HTML lang='en'>", "is an HTML page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "is an SVG drawing"),
        (b'<?xml version="1.0"?><OME>', "is an XML file"),
        (b"name,area\na.png,12\n", "is a text file"),
        ("Zellen: 12 µm\n".encode(), "is a text file"),
        ("Zellen".encode("utf-16"), "is a text file"),
        (bytes(400), "is a file of zeros"),
        (b"PK\3\4\x14\0", "is a ZIP archive, not an image. Give it to `relook predict`"),
        (b"\0\0\0\x18ftypisom", "is a video (MP4 or MOV), not an image. Give it to"),
        (b"\x1a\x45\xdf\xa3\x01", "is a video (Matroska or WebM)"),
        (b"RIFF\0\0\0\0AVI LIST", "is a video (AVI)"),
        (b"\x89PNG\r\n\x1a\n\0\0", "starts as a PNG image and cannot be read: it is damaged"),
        (b"\x00\x01\xfe\x9c\x80", "is not an image of a kind that relook knows"),
    ],
)
def test_what_is_no_image_is_called_what_it_is(head: bytes, words: str) -> None:
    assert words in refusal(head)


@pytest.mark.parametrize("text", ["BM: a list of nuclei", "P1 patient", "II. The method", "GIF"])
def test_texts_are_no_images(text: str) -> None:
    kind = recognise(text.encode())
    assert kind is not None and kind.name == "a text file"


@given(st.binary(max_size=HEAD))
def test_any_bytes_have_an_answer(head: bytes) -> None:
    assert refusal(head).endswith(".")


def test_comments_without_end_take_no_time() -> None:
    for head in (b"<!-- -->" * 64, b"<!--" * 128, b"<?xml?>" + b"<!---->" * 70, b" " * 512):
        with without_hopeless_work():
            assert refusal(head).endswith("Give the image that it belongs to.")
