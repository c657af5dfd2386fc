"""Panoptic maps as PNG files: three channels that hold an id, R + 256 G + 65536 B, at each pixel.

A map that is not exactly that is refused, because ids out of a palette, out of 16 bits or out of
a JPEG would be other ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import DataError, UsageError, first_few
from ...ops.id_runs import id_extents
from ...ops.runs import Runs, window_runs
from ...runtime.files import replacing
from ...structures.detection import Size
from ...structures.panoptic import VOID, Segment
from ..images.files import file_bytes, opened_header
from .json_tables import MOST_IDS

Ids = NDArray[np.int32]

_COLOR_TYPES = {0: "grey", 3: "a palette", 4: "grey with transparency", 6: "transparency"}
_HEADER = 26  # bytes of a PNG file up to its bit depth and its colour type


@dataclass(frozen=True, slots=True)
class MapSegment:
    """A segment of a panoptic map: a `StoredMask`, read when it is needed."""

    path: Path
    id: int

    def runs(self, height: int, width: int) -> Runs:
        """The runs of its mask in an image of this size.

        Raises:
            DataError: D01, D02 or D15 for a map that cannot be used, or lacks the segment.
        """
        mask = read_ids(self.path, (height, width)) == self.id
        if not mask.any():
            raise DataError("D15", f"{self.path} has no pixel of segment {self.id}.")
        return window_runs(mask, 0, 0, height)


def read_ids(path: Path, size: Size) -> Ids:
    """Ids (H, W) int32 of the map in a PNG, not to be written to; 0 is void.

    The last map is kept, so that asking for the segments of an image one after the other reads
    its file once.

    Raises:
        DataError: D01 for a missing file, D02 for one that is no image, D15 for an image that is
            no panoptic map, is damaged or has another size than `size`.
    """
    try:
        changed = path.stat().st_mtime_ns
    except (OSError, ValueError):  # what is wrong is found out by reading it
        changed = 0
    return _read_ids(path, size, changed)


@lru_cache(maxsize=1)
def _read_ids(path: Path, size: Size, _changed: int) -> Ids:
    data = file_bytes(path, str(path))
    with opened_header(data, str(path)) as image:
        _check_form(path, data, image, size)
        try:
            # A fourth channel makes each pixel one number of 32 bits.
            pixels = np.array(image.convert("RGBA")).view("<i4")[:, :, 0]
        except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
            raise DataError(
                "D15", f"{path} cannot be decoded: {error}. Copy or download it again."
            ) from None
    ids: Ids = (pixels & (MOST_IDS - 1)).astype(np.int32)
    ids.setflags(write=False)
    return ids


def write_ids(path: Path, ids: Ids) -> None:
    """Write the map of `ids` (H, W), whole or not at all.

    Raises:
        UsageError: U03 for ids below 0 or above 2**24 - 1.
        RelookError: R02 if the file cannot be written.
    """
    if ids.size == 0 or ids.ndim != 2 or int(ids.min()) < 0 or int(ids.max()) >= MOST_IDS:
        raise UsageError("U03", f"a panoptic map (H, W) holds ids from 0 to {MOST_IDS - 1}.")
    channels = np.ascontiguousarray(ids, dtype="<i4").view(np.uint8).reshape(*ids.shape, 4)
    with replacing(path) as draft:
        Image.fromarray(np.ascontiguousarray(channels[:, :, :3])).save(draft, "PNG")


def check_ids(ids: Ids, segments: Sequence[Segment], where: str) -> None:
    """Return whether a map and the list of its segments speak of the same ones, at the same places.

    `where` begins the message. Sides of boxes may differ by a pixel, since some tools count to
    the last pixel and others behind it; areas must be exact.

    Raises:
        DataError: D15, naming the first ids that differ.
    """
    found = id_extents(ids)
    found.pop(VOID, None)
    listed = {segment.id: segment for segment in segments}
    if found.keys() - listed.keys():
        raise _disagreement(where, "ids of the map are not listed", found.keys() - listed.keys())
    if listed.keys() - found.keys():
        raise _disagreement(where, "listed ids are not in the map", listed.keys() - found.keys())
    for key, segment in listed.items():
        there = found[key]
        if segment.area != there.area:
            what = f"area {segment.area} is listed, but there are {there.area} pixels"
            raise _disagreement(where, what, {key})
        if max(abs(a - b) for a, b in zip(segment.box, there.box, strict=True)) > 1:
            what = f"bbox {list(segment.box)} is listed, but pixels are in {list(there.box)}"
            raise _disagreement(where, what, {key})


def _disagreement(where: str, what: str, ids: set[int]) -> DataError:
    return DataError(
        "D15",
        f"{where}: {what} (segment {first_few(sorted(ids), 5)}). Map and json were not made "
        "together; use those that belong to each other, or write the json again.",
    )


def _check_form(path: Path, data: bytes, image: Image.Image, size: Size) -> None:
    """Refuse what is not a PNG of three channels of 8 bits and of the right size."""
    what = f"mode {image.mode}"  # of a PNG without the header it must have
    if image.format != "PNG":
        what = f"the format {image.format}"
    elif len(data) >= _HEADER and data[12:16] == b"IHDR":
        depth, color_type = data[24], data[25]
        if (depth, color_type) == (8, 2):
            what = ""
        elif color_type in _COLOR_TYPES:
            what = _COLOR_TYPES[color_type]
        else:
            what = f"{depth} bits a channel"
    if what:
        raise DataError(
            "D15",
            f"{path} has {what}; a panoptic map is a PNG with the three channels R, G and B of 8 "
            "bits, whose ids are R + 256 G + 65536 B. Write the ids into such a file.",
        )
    if image.size != (size[1], size[0]):
        raise DataError(
            "D15",
            f"{path} is {image.size[0]}x{image.size[1]} (width x height), its image is "
            f"{size[1]}x{size[0]}. Use the maps that were made for these images.",
        )
