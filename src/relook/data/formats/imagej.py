"""ImageJ and Fiji: ROI files, and the zips of them that the ROI manager writes.

Coordinates are pixels along their edges. A zip or file belongs to the image of the same name, also
with ``_rois`` or ``_RoiSet`` at its end, or to the only image there is. The class is the property
``class`` of a ROI, else its group, where groups are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from ...errors import DataError
from .geometry import Ellipse, Outline, Shape, UnusableShapeError, points_of, rectangle
from .records import NO_CLASS, AnnotatedImage, AnnotatedObject
from .safe_files import MOST_MEMBER, read_bytes, zip_members
from .source import Source, bad_shape, refusal

_TOOL: Final = "ImageJ"
_ENDING: Final = re.compile(r"[_\-. ]*(rois?|roi_?sets?)$", re.IGNORECASE)
_NO_AREA: Final = {
    ROI_TYPE.LINE: "line",
    ROI_TYPE.FREELINE: "line",
    ROI_TYPE.POLYLINE: "line",
    ROI_TYPE.ANGLE: "angle",
    ROI_TYPE.POINT: "points",
    ROI_TYPE.NOROI: "nothing",
}
_WITH_AREA: Final = (
    ROI_TYPE.POLYGON,
    ROI_TYPE.RECT,
    ROI_TYPE.OVAL,
    ROI_TYPE.FREEHAND,
    ROI_TYPE.TRACED,
)


def read_imagej(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the zips and ROI files of a folder, or of one file.

    Raises:
        DataError: D01 for a missing image, D03 for a file that cannot be read, D04 for ROIs of
            several slices of a stack, D09 for a malformed ROI.
    """
    files = source.files("*.zip", "*.roi")
    for path in files:
        image = _image_of(source, path, only=len(files) == 1)
        rois = list(_rois(path))
        slices = {_slice(roi) for _, roi in rois} - {(0, 0)}
        if len(slices) > 1:
            raise refusal(
                path,
                _TOOL,
                f"its ROIs are of {len(slices)} slices of a stack. Save each slice as "
                "an image, with its own ROIs",
            )
        objects = tuple(_objects(source, path, rois))
        size = source.finder.size(image, path.name)
        yield AnnotatedImage(path=image, size=size, objects=objects)


def _image_of(source: Source, path: Path, *, only: bool) -> Path:
    stems = [path.stem, _ENDING.sub("", path.stem), Path(path.stem).stem]
    if path.suffix.lower() == ".roi":
        stems.append(path.parent.name)
    stem = next((stem for stem in stems if stem and source.finder.has_stem(stem)), None)
    if stem is None and (only or path.suffix.lower() == ".roi"):
        image = source.finder.only()
        if image is not None:
            return image
    return source.finder.of_stem(stem or stems[1] or path.stem, path.parent, path.name)


def _rois(path: Path) -> Iterator[tuple[str, ImagejRoi]]:
    """Name and ROI of each of a zip, or of one file."""
    if path.suffix.lower() == ".zip":
        members = zip_members(path, ".roi")
    else:
        members = iter([(path.name, read_bytes(path, MOST_MEMBER))])
    for name, data in members:
        try:
            roi = ImagejRoi.frombytes(data)
        except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
            reason = str(error)[:200] or type(error).__name__
            raise DataError(
                "D03", f"{path.name}: {name!r:.80} is no ROI that can be read: {reason}."
            ) from None
        yield name, roi


def _slice(roi: ImagejRoi) -> tuple[int, int]:
    return roi.position or roi.z_position, roi.t_position


def _objects(
    source: Source, path: Path, rois: list[tuple[str, ImagejRoi]]
) -> Iterator[AnnotatedObject]:
    has_groups = any(roi.group for _, roi in rois)
    for name, roi in rois:
        where = f"{path.name}: {name!r:.80}"
        try:
            shape = _shape(source, roi, where)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is not None:
            label = _class_of(source, roi, has_groups=has_groups)
            yield AnnotatedObject(name=label, shapes=(shape,), where=where)


def _class_of(source: Source, roi: ImagejRoi, *, has_groups: bool) -> str:
    if source.options.class_name is not None:
        if roi.group or "class" in (roi.props or ""):
            source.account.note("--class: groups and classes of ROIs are not read")
        return source.options.class_name
    for line in (roi.props or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "class" and value.strip():
            return value.strip()
    if has_groups:
        source.account.note("classes are the groups of ROIs; --class NAME calls all of them NAME")
        return f"group {roi.group}" if roi.group else NO_CLASS
    return source.one_class()


def _shape(source: Source, roi: ImagejRoi, where: str) -> Shape | None:
    """The area of a ROI; None for one that has none, which is counted."""
    kind = roi.roitype
    reason = _NO_AREA.get(kind)
    if reason is None and roi.subtype in (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.ARROW, ROI_SUBTYPE.IMAGE):
        reason = "overlay"
    if reason is None and kind not in _WITH_AREA:
        reason = "unknown type"
    if reason is not None:
        source.account.leave_out(f"ROI without area ({reason})", where)
        return None
    if roi.composite:
        return _composite(roi)
    if kind in (ROI_TYPE.RECT, ROI_TYPE.OVAL):
        left, top, right, bottom = _bounds(roi)
        if kind == ROI_TYPE.RECT:
            return Outline((rectangle(left, top, right, bottom).corners,))
        x, y = (left + right) / 2, (top + bottom) / 2
        return Ellipse(x, y, (right - left) / 2, (bottom - top) / 2)
    points = points_of(_array(roi.coordinates()))
    if len(points) < 3:
        source.account.leave_out("ROI of fewer than 3 points", where)
        return None
    return Outline((points,))


def _bounds(roi: ImagejRoi) -> tuple[float, float, float, float]:
    if not roi.subpixelrect:
        return float(roi.left), float(roi.top), float(roi.right), float(roi.bottom)
    values = (roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd)
    if not all(math.isfinite(value) and abs(value) < 2**31 for value in values):
        raise UnusableShapeError("has bounds that no image has")
    return values


def _composite(roi: ImagejRoi) -> Outline:
    """Rings of a path; what is inside of an odd number of them belongs to the ROI."""
    try:
        rings = roi.coordinates(multi=True)
    except Exception as error:  # noqa: BLE001 - on hostile paths it raises anything
        raise UnusableShapeError(f"has a path that cannot be read ({error!s:.80})") from None
    kept = tuple(points_of(_array(ring)) for ring in rings if len(ring) >= 3)
    if not kept:
        raise UnusableShapeError("has a path without area")
    return Outline(kept)


def _array(values: Any) -> Any:
    return np.asarray(values, np.float64)
