"""Check of COCO result files by the rules of a test server, with clearer errors.

Entries are read one by one, so that files of gigabytes need no more memory than small ones.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, NoReturn, TextIO

from ...data.coco.json_form import shown
from ...data.coco.reader import CocoIndex
from ...data.coco.segmentation import EmptyMaskError, MalformedMaskError, checked
from ...errors import DataError
from ..ground_truth import is_number

MOST: Final = 100  # objects of an image that COCO's servers count
SLACK: Final = 0.02  # pixels by which a rounded box may leave its image
_ENCODING: Final = "utf-8-sig"
_CHUNK: Final = 1 << 20  # characters that are read at once
_LONGEST: Final = 1 << 24  # characters of one entry
_NAME: Final = re.compile(r"detections_[^_/\\]+_.+_results\.json")

Kind = Literal["bbox", "segm"]
Sizes = Mapping[int, tuple[int, int]]  # image id -> (height, width)


class Submission(NamedTuple):
    """A file of results with the right format."""

    kind: Kind
    num_entries: int
    num_images: int  # with at least one entry


def check_submission(path: Path | str, index: CocoIndex, max_dets: int = MOST) -> Submission:
    """Read a file of results, a zip or a json, for the images and categories of `index`.

    Every entry must belong to an image and a category of `index`, have a finite score, and either
    a box within the image or, in a file of masks, run lengths of the image's size; no image may
    have more than `max_dets`. A zip must hold one json with a name that COCO's server accepts.

    Raises:
        DataError: D01 for a file that is missing, D16 for one that breaks the format, with the
            number of the entry, from 1, and the reason.
    """
    path = Path(path)
    sizes, categories = index.sizes(), frozenset(category.id for category in index.classes)
    per_image: Counter[int] = Counter()
    kind: Kind = "bbox"
    number = 0
    with _opened(path) as file:
        for number, entry in enumerate(_entries(path, file), start=1):
            if number == 1 and isinstance(entry, dict) and "segmentation" in entry:
                kind = "segm"
            why = _mistake(entry, kind, sizes, categories)
            if why:
                _refuse(path, f"entry {number} {why}")
            image_id = entry["image_id"]
            per_image[image_id] += 1
            if per_image[image_id] > max_dets:
                _refuse(
                    path,
                    f"entry {number} is number {max_dets + 1} of image {image_id}, and at most "
                    f"{max_dets} are taken",
                )
    if not number:
        _refuse(path, "it has no entries")
    return Submission(kind, number, len(per_image))


def _refuse(path: Path, why: str) -> NoReturn:
    raise DataError("D16", f"{path.name}: {why}. Correct it; a test server would refuse the file.")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The json at `path`, or the one inside of the zip there."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open(encoding=_ENCODING) as file:
                yield file
            return
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1 or not _NAME.fullmatch(names[0]):
                _refuse(
                    path,
                    f"it holds {', '.join(map(repr, names[:3])) or 'nothing'}, not one file "
                    "detections_[images]_[algorithm]_results.json outside of any folder",
                )
            with io.TextIOWrapper(archive.open(names[0]), encoding=_ENCODING) as inner:
                yield inner
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("D01", f"{path}: there is no such file of results.") from None
    except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        _refuse(path, f"it cannot be read ({error})")


def _entries(path: Path, file: TextIO) -> Iterator[Any]:
    """The elements of the json list in `file`, one after the other."""
    text = _Text(file)
    number = 0
    try:
        if text.next() != "[":
            _refuse(path, "it is not a list of entries")
        text.skip()
        while text.next() != "]":
            if number:
                if text.next() != ",":
                    _refuse(path, f"there is no comma after entry {number}")
                text.skip()
                text.next()
            number += 1
            yield text.value()
        text.skip()
        if text.next():
            _refuse(path, "there is more text after the list of entries")
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else error
        _refuse(path, f"entry {number} is not json, or was cut off ({why})")


class _Text:
    """Text that is read in chunks, with a current position."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._ahead, self._at = file, "", 0
        self._decode = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """Move to the next character that is no space, and return it; empty at the end."""
        while True:
            while self._at < len(self._ahead):
                if not self._ahead[self._at].isspace():
                    return self._ahead[self._at]
                self._at += 1
            if not self._read_chunk():
                return ""

    def skip(self) -> None:
        """Move on by one character."""
        self._at += 1

    def value(self) -> Any:
        """Return the json value at the current position, and move behind it."""
        while True:
            try:
                value, self._at = self._decode(self._ahead, self._at)
                return value
            except json.JSONDecodeError:
                if len(self._ahead) - self._at > _LONGEST or not self._read_chunk():
                    raise

    def _read_chunk(self) -> bool:
        chunk = self._file.read(_CHUNK)
        self._ahead, self._at = self._ahead[self._at :] + chunk, 0
        return bool(chunk)


def _mistake(entry: Any, kind: Kind, sizes: Sizes, categories: frozenset[int]) -> str:
    """Return what is wrong with an entry, as the end of a sentence; empty if nothing is."""
    if not isinstance(entry, dict):
        return f"is {shown(entry)}, not an object"
    image_id, category_id = entry.get("image_id"), entry.get("category_id")
    if type(image_id) is not int or image_id not in sizes:
        return f"has image_id {shown(image_id)}, which is no image of the file"
    if type(category_id) is not int or category_id not in categories:
        return f"has category_id {shown(category_id)}, which is no category of the file"
    if not is_number(entry.get("score")):
        return f"has score {shown(entry.get('score'))}, a finite number is needed"
    if ("segmentation" in entry) != (kind == "segm"):
        return "differs from the first: all have a segmentation, or none has"
    if kind == "segm":
        return _mask_mistake(entry["segmentation"], *sizes[image_id])
    return _box_mistake(entry.get("bbox"), *sizes[image_id])


def _box_mistake(box: Any, height: int, width: int) -> str:
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(v) for v in box):
        return f"has bbox {shown(box)}, four finite numbers are needed"
    x, y, w, h = box
    if w < 0 or h < 0:
        return f"has bbox {shown(box)}, whose width or height is negative"
    if min(x, y) < -SLACK or x + w > width + SLACK or y + h > height + SLACK:
        return f"has bbox {shown(box)}, which leaves its image of {width}x{height} pixels"
    return ""


def _mask_mistake(segmentation: Any, height: int, width: int) -> str:
    if not isinstance(segmentation, dict) or not isinstance(segmentation.get("counts"), str):
        return "has a segmentation that is no compressed run lengths with counts as text"
    try:
        checked(segmentation, height, width)
    except MalformedMaskError as error:
        return f"has a segmentation that {error}"
    except EmptyMaskError:
        return ""  # no pixels: nothing can match it, but the format is right
    return ""
