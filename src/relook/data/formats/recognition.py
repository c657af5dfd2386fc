"""Recognition of the tool that wrote a file or a folder: by names, and by first bytes."""

from __future__ import annotations

import codecs
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from ..sources.signatures import HEAD, recognise
from .image_files import IMAGE_SUFFIXES, SIBLINGS

MASK_FOLDERS: Final = ("masks", "mask", "labels", "label", "gt", "instances")
"""Names of folders of label images beside a folder of images."""

_HEAD: Final = 1 << 18  # bytes of a text file that are looked at
_MOST_LISTED: Final = 20_000  # files of a folder that are looked at
_DEEPEST: Final = 4  # folders
_TRIED: Final = 5  # files of one ending
_MOST_POINTERS: Final = 200  # files that are looked at
_XML: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*+(?:<(?:!--(?:(?!-->).)*+--|[?!][^>]*+)>\s*+)*+<(\w+)", re.DOTALL
)
_YOLO_LINE: Final = re.compile(
    rb"^[ \t]*+\d++([ \t]++-?[\d.]++(e-?\d++)?){4,}+[ \t]*+\r?$", re.MULTILINE
)
_CELLPOSE: Final = re.compile(r"(_cp)?_masks$", re.IGNORECASE)
_LABELS: Final = re.compile(r"[_\-. ]?(cp_)?(gt_?)?(masks?|labels?|seg|instances?)$", re.IGNORECASE)


def recognised(path: Path) -> str | None:
    """Name of the annotation format of a file or folder, by names and first bytes.

    None for COCO and for what is unknown.
    """
    try:
        return _of_folder(path) if path.is_dir() else _of_file(path)
    except OSError:
        return None


def recognised_with(path: Path, images: Path) -> str | None:
    """As `recognised`, where it is said that the images are in `images`.

    A folder of nothing but image files is then one of label images.
    """
    found = recognised(path)
    if found is None and path.is_dir() and path.absolute() != images.absolute():
        files = [file for file in _listed(path) if not file.name.startswith(".")]
        if any(is_label_file(file) for file in files):
            return "label-images"
    if found is None and path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        return "label-images"
    return found


def pointer_in(path: Path) -> Path | None:
    """The first file that is a pointer of Git LFS or git-annex, of a file or a folder."""
    try:
        for file in islice(_listed(path), _MOST_POINTERS) if path.is_dir() else [path]:
            with file.open("rb") as opened:
                kind = recognise(opened.read(HEAD))
            if kind is not None and "pointer" in kind.name:
                return file
    except OSError:
        pass
    return None


def is_coco(path: Path) -> bool:
    """Return whether a file looks as COCO json, by the keys in its beginning."""
    try:
        return path.is_file() and _is_coco(path)
    except OSError:
        return False


def is_yolo(head: bytes) -> bool:
    """Return whether a text begins with a line of YOLO: a class and four numbers or more."""
    return _YOLO_LINE.match(head.lstrip()) is not None


def is_label_file(path: Path) -> bool:
    """Return whether a file may be a label image, by its ending."""
    return path.suffix.lower() in IMAGE_SUFFIXES or path.name.endswith(".npy")


def plain_stem(path: Path) -> str:
    """The name of a file without its ending, which is two of OME-TIFF: ``.ome.tif``."""
    return path.stem.removesuffix(".ome")


def mask_stem(path: Path) -> str | None:
    """The stem of the image that Cellpose's ``NAME_masks.png`` belongs to; None for others."""
    stem = plain_stem(path)
    short = _CELLPOSE.sub("", stem)
    return short if short != stem else None


def label_stem(path: Path) -> str | None:
    """The stem of the image that ``NAME_mask.png`` and the like belong to; None for others."""
    stem = plain_stem(path)
    short = _LABELS.sub("", stem)
    return short if short and short != stem else None


def marked_labels(files: Iterable[Path]) -> list[Path]:
    """Files that are called as another one in their folder, and marked as labels."""
    files = [file for file in files if is_label_file(file)]
    places = {(file.parent, plain_stem(file).casefold()) for file in files}
    return [
        file
        for file in files
        if (stem := label_stem(file)) is not None and (file.parent, stem.casefold()) in places
    ]


def _of_file(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if path.name.endswith("_seg.npy"):
        return "cellpose"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "ignore").encode()
    if head.startswith(b"Iout"):
        return "imagej"
    if suffix == ".zip":
        return "imagej" if _has_rois(path) else None
    if suffix in (".yaml", ".yml"):
        return (
            "yolo" if re.search(rb"^[ \t]*+['\"]?names['\"]?[ \t]*+:", head, re.MULTILINE) else None
        )
    if found := _XML.match(head):
        return {b"annotations": "cvat", b"annotation": "voc"}.get(found[1])
    kind = recognise(head[:HEAD])
    if suffix in (".json", ".geojson") or (kind is not None and kind.name == "a text file"):
        return _of_json(head)
    return None


def _of_json(head: bytes) -> str | None:
    """The format of a json file, by the keys in its beginning."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        return None

    def has(*keys: bytes) -> bool:
        return all(re.search(rb'"' + key + rb'"\s*:', head) for key in keys)

    is_list = start.startswith(b"[")
    if re.search(rb'"type"\s*:\s*"Feature(Collection)?"', head):
        return "qupath"
    if not is_list and has(b"shapes") and (has(b"imagePath") or has(b"version") or has(b"flags")):
        return "labelme"
    if (
        has(b"_via_img_metadata")
        or has(b"project", b"data_format_version")
        or (not is_list and has(b"filename", b"regions"))
    ):
        return "via"
    if has(b"objects") and (has(b"classTitle") or has(b"size", b"tags")):
        return "supervisely"
    if is_list and has(b"annotation_id", b"annotator"):
        return "label-studio"  # JSON-MIN, which its reader refuses by name
    done = has(b"annotations") or has(b"predictions") or has(b"completions")
    if is_list and done and (has(b"result") or has(b"data")):
        return "label-studio"
    return None


def _of_folder(path: Path) -> str | None:
    files = list(_listed(path))
    names = {file.relative_to(path).as_posix() for file in files}
    folders = {part for name in names for part in name.split("/")[:-1]}
    if "meta.json" in names and "ann" in folders:
        return "supervisely"
    if folders & {"SegmentationObject", "SegmentationClass"}:
        return "voc"
    if any(file.name.endswith("_seg.npy") for file in files):
        return "cellpose"
    for suffix in (".xml", ".geojson", ".roi", ".zip", ".yaml", ".yml", ".json"):
        for file in [file for file in files if file.suffix.lower() == suffix][:_TRIED]:
            if (kind := _of_file(file)) is not None:
                return kind
            if suffix == ".json" and _is_coco(file):
                return None
    return _of_texts(files) or _of_masks(path, files)


def _is_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return sum(f'"{key}"'.encode() in head for key in ("images", "annotations", "categories")) > 1


def _of_texts(files: list[Path]) -> str | None:
    """YOLO, by the lines of text files that are called like images."""
    images = {file.stem for file in files if file.suffix.lower() in IMAGE_SUFFIXES}
    texts = [file for file in files if file.suffix == ".txt" and file.stem in images]
    for file in texts[:20]:
        with file.open("rb") as opened:
            if _YOLO_LINE.search(opened.read(4096)):
                return "yolo"
    return None


def _of_masks(path: Path, files: list[Path]) -> str | None:
    """Cellpose's masks beside their images, or a folder of images beside one of masks."""
    labels = [file for file in files if is_label_file(file)]
    if marked := marked_labels(labels):
        return "cellpose" if any(mask_stem(file) for file in marked) else "label-images"
    known = {name.lower() for name in SIBLINGS}
    masks: set[Path] = set()
    images: set[Path] = set()
    for file in labels:
        for folder in file.parents:
            if folder == path:
                break
            if folder.name.lower() in MASK_FOLDERS:
                masks.add(folder.parent)
            if folder.name.lower() in known:
                images.add(folder.parent)
    return "label-images" if masks & images else None


def _listed(path: Path) -> Iterator[Path]:
    """The first files in a folder and its folders, in their order; hidden ones are left out."""
    count = 0
    for place, folders, files in os.walk(path):
        deep = len(Path(place).relative_to(path).parts)
        folders[:] = sorted(name for name in folders if name[0] != ".") if deep < _DEEPEST else []
        for name in sorted(files):
            if not name.startswith("."):
                count += 1
                yield Path(place) / name
            if count >= _MOST_LISTED:
                return


def _has_rois(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".roi") for name in archive.namelist())
    except Exception:  # noqa: BLE001 - on hostile bytes it raises anything
        return False
