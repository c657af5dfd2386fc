"""Kinds of files, told by their first bytes, and what to do with those that are no images."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

HEAD: Final = 512
"""Bytes from the beginning of a file that its kind is told by."""

Use = Literal["image", "archive", "video", "other"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file."""

    name: str  # with its article
    use: Use  # what relook can do with it
    advice: str = ""  # what to do with one that is no image, as sentences
    demuxer: str = ""  # FFmpeg's name of the container of a video


Test = Callable[[bytes], bool]


def _starts(*beginnings: bytes) -> Test:
    return lambda head: head.startswith(beginnings)


def _has(offset: int, *values: bytes) -> Test:
    return lambda head: head.startswith(values, offset)


def _matches(pattern: bytes) -> Test:
    compiled = re.compile(pattern, re.DOTALL | re.IGNORECASE)
    return lambda head: compiled.match(head) is not None


def _is_bitmap(head: bytes) -> bool:
    """BM, two fields that are always 0, and a header of one of the lengths that there are."""
    known = {12, 16, 40, 52, 56, 64, 108, 124}
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in known


def _brand(*brands: bytes) -> Test:
    """ISO base media files, by their major brand."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


def _is_transport_stream(head: bytes) -> bool:
    return any(head[start::188][:2] == b"GG" for start in (0, 4))


def _is_metafile(head: bytes) -> bool:
    """WMF with its placeable header, or EMF."""
    return head.startswith(b"\xd7\xcd\xc6\x9a") or (
        head.startswith(b"\1\0\0\0") and head[40:44] == b" EMF"
    )


def _is_text(head: bytes) -> bool:
    """UTF-8, or UTF-16 with its mark, without control characters; the end may be cut off."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(c.isprintable() or c in "\t\n\r\f\ufeff" for c in text)


# A mark, a declaration and comments, each of which can be matched in one way only.
_XML_START: Final = rb"(\xef\xbb\xbf)?\s*+(<\?xml[^>]*>\s*+)?(<!--(?:(?!-->).)*+-->\s*+)*+"
_FIJI: Final = "Open it in Fiji (Bio-Formats) or in the microscope's program and export TIFF."
_UNPACK: Final = "Unpack it and give the folder; a .zip can be given as it is."
_FLOATS: Final = "Save it as TIFF with 32-bit floats."
_RAW: Final = "Develop it with the camera's program, or with darktable, and export TIFF or PNG."
_TABLE: Final[tuple[tuple[Test, Kind], ...]] = (
    (_starts(b"\xff\xd8\xff"), Kind("a JPEG image", "image")),
    (_starts(b"\x89PNG\r\n\x1a\n"), Kind("a PNG image", "image")),
    (_starts(b"II*\0\x10\0\0\0CR"), Kind("a raw photograph (CR2)", "other", _RAW)),
    (
        _starts(b"II*\0", b"MM\0*", b"II+\0\x08\0", b"MM\0+\0\x08"),
        Kind("a TIFF image", "image"),
    ),
    (_starts(b"GIF87a", b"GIF89a"), Kind("a GIF image", "image")),
    (_is_bitmap, Kind("a BMP image", "image")),
    (_matches(rb"RIFF....WEBP"), Kind("a WebP image", "image")),
    (_brand(b"avif", b"avis"), Kind("an AVIF image", "image")),
    (_matches(rb"P[1-7]\s+(#|\d|WIDTH)"), Kind("a Netpbm image", "image")),
    (
        _starts(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
        Kind("a JPEG 2000 image", "image"),
    ),
    (_starts(b"\x93NUMPY"), Kind("a NumPy array", "image")),
    (
        _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
        Kind(
            "a HEIC image",
            "other" if find_spec("pillow_heif") is None else "image",
            "Install its reader: pip install pillow-heif. Or save it as JPEG; phones can be set "
            "to write JPEG.",
        ),
    ),
    (_brand(b"crx "), Kind("a raw photograph (CR3)", "other", _RAW)),
    (_starts(b"FUJIFILMCCD-RAW"), Kind("a raw photograph (RAF)", "other", _RAW)),
    (
        _starts(b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"),
        Kind("a JPEG XL image", "other", "Save it as PNG or TIFF."),
    ),
    (_starts(b"PK\3\4", b"PK\5\6"), Kind("a ZIP archive", "archive")),
    (
        lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"),
        Kind("a video (MP4 or MOV)", "video", demuxer="mov"),
    ),
    (
        _starts(b"\x1a\x45\xdf\xa3"),
        Kind("a video (Matroska or WebM)", "video", demuxer="matroska"),
    ),
    (_matches(rb"RIFF....AVI "), Kind("a video (AVI)", "video", demuxer="avi")),
    (_starts(b"\0\0\1\xba"), Kind("a video (MPEG)", "video", demuxer="mpeg")),
    (_starts(b"FLV\1"), Kind("a video (FLV)", "video", demuxer="flv")),
    (_starts(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), Kind("a video (WMV)", "video", demuxer="asf")),
    (_starts(b"OggS"), Kind("a video (Ogg)", "video", demuxer="ogg")),
    (_is_transport_stream, Kind("a video (MPEG transport stream)", "video", demuxer="mpegts")),
    (
        _starts(b"%PDF-"),
        Kind("a PDF document", "other", "Export its pages or its pictures as PNG or TIFF."),
    ),
    (
        _has(128, b"DICM"),
        Kind(
            "a DICOM file",
            "other",
            "Export its pixels as 16-bit TIFF, or read them with pydicom and give the array.",
        ),
    ),
    (_starts(b"ZISRAWFILE"), Kind("a Zeiss file (CZI)", "other", _FIJI)),
    (
        _starts(b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  \r\n"),
        Kind("a Nikon file (ND2)", "other", _FIJI),
    ),
    (_matches(rb"\x70\0\0\0....\x2a"), Kind("a Leica file (LIF)", "other", _FIJI)),
    (
        _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        Kind(
            "an OLE file, as Olympus (OIB), Zeiss (ZVI) and old Office programs write",
            "other",
            _FIJI,
        ),
    ),
    (
        _starts(b"\x89HDF\r\n\x1a\n"),
        Kind("an HDF5 file", "other", "Read it with h5py and give the array."),
    ),
    (
        _matches(rb"SIMPLE  ="),
        Kind("a FITS file", "other", "Read it with astropy and give the array."),
    ),
    (_has(344, b"n+1\0", b"ni1\0"), Kind("a NIfTI volume", "other", _FIJI)),
    (_starts(b"8BPS"), Kind("a Photoshop file", "other", "Export it as PNG or TIFF.")),
    (
        _starts(b"%!PS", b"\xc5\xd0\xd3\xc6"),
        Kind("a PostScript drawing", "other", "Export it as PNG."),
    ),
    (_is_metafile, Kind("a Windows metafile", "other", "Export it as PNG.")),
    (_starts(b"v/1\1"), Kind("an OpenEXR image", "other", _FLOATS)),
    (_starts(b"#?RADIANCE\n", b"#?RGBE\n"), Kind("a Radiance image (HDR)", "other", _FLOATS)),
    (
        _starts(b"MATLAB 5.0 MAT-file"),
        Kind("a MATLAB file", "other", "Read it with scipy.io.loadmat and give the array."),
    ),
    (_matches(rb"NRRD000\d\s"), Kind("an NRRD volume", "other", _FIJI)),
    (_matches(rb"(ObjectType|NDims)\s*="), Kind("a MetaImage volume", "other", _FIJI)),
    (
        _starts(b"Iout\0"),
        Kind(
            "a region of ImageJ (.roi), not an image",
            "other",
            "Give the image that it belongs to. `relook data convert` reads such regions.",
        ),
    ),
    (
        _starts(b"\0\5\x16\7\0\2", b"\0\0\0\1Bud1"),
        Kind("a file that macOS writes beside another one", "other", "Give that one."),
    ),
    (_starts(b"\x1f\x8b"), Kind("a gzip file", "other", _UNPACK)),
    (
        _starts(b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
        Kind("a compressed file", "other", _UNPACK),
    ),
    (_starts(b"7z\xbc\xaf\x27\x1c"), Kind("a 7z archive", "other", _UNPACK)),
    (_starts(b"Rar!\x1a\7"), Kind("a RAR archive", "other", _UNPACK)),
    (_has(257, b"ustar"), Kind("a tar archive", "other", _UNPACK)),
    (
        _starts(b"version https://git-lfs.github.com/spec/"),
        Kind("a pointer of Git LFS, not the file itself", "other", "Fetch it: git lfs pull."),
    ),
    (
        _matches(rb"(\.\./)*(\.git)?/?annex/objects/"),
        Kind("a pointer of git-annex, not the file itself", "other", "Fetch it: git annex get."),
    ),
    (
        _matches(_XML_START + rb"<(!doctype\s+html|html|head|body)\b"),
        Kind(
            "an HTML page",
            "other",
            "The address gives a page, perhaps to log in, in place of the image: open it in a "
            "browser and save the image itself.",
        ),
    ),
    (
        _matches(_XML_START + rb"(<!DOCTYPE svg[^>]*>\s*+)?<svg\b"),
        Kind("an SVG drawing", "other", "Export it as PNG."),
    ),
    (
        _matches(rb"(\xef\xbb\xbf)?\s*<(\?xml|OME\b)"),
        Kind("an XML file", "other", "Give the image that it belongs to."),
    ),
    (
        lambda head: len(head) >= 16 and not any(head),
        Kind("a file of zeros", "other", "A copy was broken off: copy or download it again."),
    ),
    (_is_text, Kind("a text file", "other", "Give the image that it belongs to.")),
)


def recognise(head: bytes) -> Kind | None:
    """The kind of a file that starts with the bytes `head`, `HEAD` of them or all; None for others.

    Nothing is decoded: a file of a kind may still be damaged.
    """
    head = head[:HEAD]
    return next((kind for test, kind in _TABLE if test(head)), None)


def refusal(data: bytes) -> str:
    """End of a sentence: what an unreadable image file holds, and what to do.

    ``is a PDF document. Export its pages ...``; `data` are its bytes, or the first of them.
    """
    kind = recognise(data)
    if kind is None:
        return (
            "is not an image of a kind that relook knows. Open it in the program that wrote it, "
            "and save it as TIFF or PNG there."
        )
    if kind.use == "image":
        return (
            f"starts as {kind.name} and cannot be read: it is damaged. Copy or download it again."
        )
    if kind.use == "archive":
        return (
            "is a ZIP archive, not an image. Give it to `relook predict`, or to "
            "relook.data.sources.finding.find_sources, for the images in it."
        )
    if kind.use == "video":
        return (
            f"is {kind.name}, not an image. Give it to `relook predict`, or to "
            "relook.data.sources.finding.find_sources, for its frames."
        )
    return f"is {kind.name}. {kind.advice}"
