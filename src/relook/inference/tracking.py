"""Identities of objects over the frames of a video, by the overlap of their masks.

A track is where its object was last, moved on by its last velocity. Tracks and the objects of the
next frame of the same class are paired so that the sum of the overlaps is largest (optimal
assignment); a pair below the least overlap is none. A track that is not seen goes on for a few
frames before it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ..errors import DataError, UsageError
from ..ops.rle import RLE, decode_window, encode_window
from ..runtime.edition import extra, needing
from .results import Result

OVERLAP: Final = 0.3  # least IoU of an object with its track
GAP: Final = 3  # frames in which an object may be missed


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOptions:
    """Options of following objects over frames.

    Raises:
        UsageError: U03 for a value out of range.
    """

    overlap: float = OVERLAP
    """Least IoU of masks, or of boxes where there are no masks, above 0 and up to 1."""
    gap: int = GAP
    """Frames in which an object may be missed and still be the same one."""
    archives: bool = False
    """The images of a folder of an archive are successive frames too."""

    def __post_init__(self) -> None:
        if not 0 < self.overlap <= 1:
            raise UsageError(
                "U03", f"overlap: expected a number above 0, up to 1; got {self.overlap}"
            )
        if self.gap < 0:
            raise UsageError("U03", f"gap: expected 0 or more frames, got {self.gap}")


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """An object that was seen in earlier frames."""

    id: int  # from 1
    label: int
    frame: int  # of the last sight
    box: NDArray[np.float64]  # (4,) x1, y1, x2, y2
    mask: RLE | None
    velocity: NDArray[np.float64]  # (2,) x, y in pixels a frame
    num_frames: int = 1  # in which it was seen


class Tracker:
    """Gives the objects of successive frames their identities.

    Args:
        overlap: Least IoU of masks, or of boxes where there are no masks, from 0 to 1.
        gap: Frames in which an object may be missed and still be the same one.

    Raises:
        UsageError: U03 for a value out of range, U04 where scipy is not installed.
    """

    def __init__(self, *, overlap: float = OVERLAP, gap: int = GAP) -> None:
        TrackOptions(overlap=overlap, gap=gap)
        self._assign = _assignment()
        self._overlap, self._gap = overlap, gap
        self._tracks: list[Track] = []
        self._frame, self._last_id = -1, 0
        self._num_single = 0
        self._size: tuple[int, int] | None = None

    @property
    def num_tracks(self) -> int:
        """Number of different objects so far."""
        return self._last_id

    @property
    def num_single(self) -> int:
        """Number of objects that were seen in one frame only."""
        return self._num_single + sum(track.num_frames == 1 for track in self._tracks)

    def update(self, result: Result) -> NDArray[np.int64]:
        """Identities (N,) from 1 of the objects of the next frame, in the order of `result`.

        Raises:
            DataError: D10 for a frame of another size than those before it.
        """
        self._check_size(result)
        self._frame += 1
        alive = [t for t in self._tracks if self._frame - t.frame <= self._gap + 1]
        ended = [t for t in self._tracks if self._frame - t.frame > self._gap + 1]
        self._num_single += sum(track.num_frames == 1 for track in ended)
        expected = [self._moved(track, result) for track in alive]
        overlaps = _overlaps(expected, result)
        ids = np.zeros(len(result), np.int64)
        tracks = {track.id: track for track in alive}
        for row, column in zip(*self._assign(overlaps, maximize=True), strict=True):
            if overlaps[row, column] >= self._overlap:
                ids[column] = alive[row].id
        for column in range(len(result)):
            if not ids[column]:
                self._last_id += 1
                ids[column] = self._last_id
            track = self._seen(int(ids[column]), result, column, tracks.get(int(ids[column])))
            tracks[track.id] = track
        self._tracks = list(tracks.values())
        return ids

    def miss(self) -> None:
        """Pass over a frame that could not be read."""
        self._frame += 1

    def _check_size(self, result: Result) -> None:
        self._size = self._size or result.size
        if self._size != result.size:
            (height, width), (tall, wide) = result.size, self._size
            raise DataError(
                "D10",
                f"tracking: {result.source or 'a frame'} has {width}x{height} pixels, the frames "
                f"before it have {wide}x{tall}. Put other scenes in folders of their own.",
            )

    def _seen(self, identity: int, result: Result, row: int, before: Track | None) -> Track:
        box = result.boxes[row].astype(np.float64)
        velocity, num_frames = np.zeros(2), 1
        if before is not None:
            num_frames += before.num_frames
            velocity = (_centre(box) - _centre(before.box)) / (self._frame - before.frame)
        mask = None if result.masks is None else result.masks[row]
        label = int(result.labels[row])
        return Track(identity, label, self._frame, box, mask, velocity, num_frames)

    def _moved(self, track: Track, result: Result) -> Track:
        """The track where it should be in this frame."""
        shift = track.velocity * (self._frame - track.frame)
        mask = track.mask if track.mask is None else _shifted(track.mask, shift, result.size)
        return replace(track, box=track.box + np.tile(shift, 2), mask=mask)


def several_processes() -> UsageError:
    """The error for tracking in several processes."""
    return UsageError(
        "U04",
        "tracking needs all frames in their order, and several processes share them. Leave "
        "--devices out.",
    )


def _overlaps(tracks: list[Track], result: Result) -> NDArray[np.float64]:
    """IoU (T, N) of tracks and objects; 0 for different classes."""
    if not tracks or not len(result):
        return np.zeros((len(tracks), len(result)))
    masks = [track.mask for track in tracks if track.mask is not None]
    if result.masks is not None and len(masks) == len(tracks):
        ours: Any = masks
        theirs: Any = list(result.masks)
    else:
        ours = _as_xywh(np.array([track.box for track in tracks]))
        theirs = _as_xywh(result.boxes.astype(np.float64))
    same = np.array([track.label for track in tracks])[:, None] == result.labels
    overlaps = np.asarray(coco_mask.iou(ours, theirs, [0] * len(result)))
    return np.where(same, overlaps.reshape(same.shape), 0.0)


def _as_xywh(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _centre(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return (box[:2] + box[2:]) / 2


def _shifted(mask: RLE, shift: NDArray[np.float64], size: tuple[int, int]) -> RLE:
    """The mask moved by whole pixels x, y; what leaves the image is cut off."""
    window, left, top = decode_window(mask)
    left, top = left + round(float(shift[0])), top + round(float(shift[1]))
    y0, x0 = max(-top, 0), max(-left, 0)
    window = window[y0 : max(size[0] - top, 0), x0 : max(size[1] - left, 0)]
    if not window.size:
        return encode_window(np.zeros((0, 0), bool), 0, 0, size)
    return encode_window(window, max(left, 0), max(top, 0), size)


def _assignment() -> Any:
    with needing("tracking", "scipy", extra("video")):
        from scipy.optimize import linear_sum_assignment
    return linear_sum_assignment
