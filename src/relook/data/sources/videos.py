"""Videos: frames with their times, decoded when it is their turn.

A video is listed by its packets, without decoding it: each is one frame, and says when it is shown.
A frame is then found from the last key frame before it, so that processes can share a video.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .containers import Table, import_av, list_frames, open_container, picture_stream
from .stored import Stamp, StoredImage, stamp_of

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream


class _DamagedError(Exception):
    """A frame is not there, or cannot be trusted."""


class Video:
    """A video: a file, or the bytes of one under a name; its container is called `demuxer`."""

    def __init__(self, name: str, content: Path | bytes, demuxer: str) -> None:
        self.name, self._content, self._demuxer = name, content, demuxer
        self._lock = threading.Lock()
        self._container: InputContainer | None = None
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next = 0  # number of the frame that `_frames` gives next, at least
        self._damaged: set[int] = set()  # key frames after which a part could not be decoded
        self._table: Table | None = None
        self._digest: Stamp = []
        if isinstance(content, bytes):
            self._digest = [len(content), hashlib.sha256(content).hexdigest()]

    def __getstate__(self) -> dict[str, Any]:
        own = {"name": self.name, "_content": self._content, "_demuxer": self._demuxer}
        return own | {"_table": self._table}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["name"], state["_content"], state["_demuxer"])  # type: ignore[misc]
        self._table = state["_table"]

    def frames(self, every: int = 1, most: int | None = None) -> list[Frame]:
        """Every `every`-th frame from the first on, at most `most` of them; nothing is decoded.

        Raises:
            RelookError: R04 without the extra ``relook[video]``.
            DataError: D01 for a missing file, D02 for one without a video that can be read.
        """
        with self._lock:
            table = self._listed()
        numbers = range(0, table.length, every)[:most]
        return [Frame(self, number, f"{self.name}#{number:06}") for number in numbers]

    @property
    def rate(self) -> Fraction:
        """Mean number of frames a second; 25 where the container does not say."""
        rate = self._listed().rate
        return rate if rate > 0 else Fraction(25)

    def time_of(self, number: int) -> float:
        """Seconds from the first frame to frame `number`."""
        table = self._listed()
        if table.times:
            return float((table.times[number] - table.times[0]) * table.unit)
        return float(number / table.rate)

    def read(self, number: int) -> NDArray[np.uint8]:
        """Pixels (H, W, 3) RGB of frame `number`, upright.

        Raises:
            DataError: D02 when it cannot be decoded.
        """

        with self._lock:
            try:
                frame = self._found(number)
                pixels = frame.to_ndarray(format="rgb24")
                turns = round(frame.rotation / 90) % 4
            except _DamagedError:
                raise self._undecoded(number, "the video is damaged there") from None
            except DataError:
                self._end()
                raise
            except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
                self._end()
                raise self._undecoded(number, str(error)) from None
        return np.ascontiguousarray(np.rot90(pixels, turns))

    def stamp(self) -> Stamp | None:
        """A value that changes when the video does."""
        return self._digest if isinstance(self._content, bytes) else stamp_of(self._content)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._frames, self._next = iter(()), 0
        if self._container is not None:
            self._container.close()
        self._container = None

    def _listed(self) -> Table:
        if self._table is None:
            import_av(self.name)
            try:
                self._table = list_frames(self.name, self._opened())
            finally:
                self._end()
        return self._table

    def _opened(self) -> InputContainer:
        if self._container is None:
            self._container = open_container(self.name, self._content, self._demuxer)
        return self._container

    def _found(self, number: int) -> av.VideoFrame:
        """Decode from where the decoder is, or from the last key frame before frame `number`."""
        table = self._listed()
        if not table.times:
            return self._counted(number)
        wanted = table.times[number]
        row = bisect.bisect_right(table.keys, wanted) - 1
        key = bisect.bisect_left(table.times, table.keys[row]) if row >= 0 else 0
        if self._container is None or number < self._next or key > self._next:
            for start in (table.seeks[row] if row >= 0 else None, None):
                self._seek(start)
                frame = next(self._frames, None)
                if frame is not None and frame.pts is not None and frame.pts <= wanted:
                    break
            else:
                self._end()
                raise _DamagedError
        else:
            frame = next(self._frames, None)
        while frame is not None and (frame.pts is None or frame.pts < wanted):
            frame = next(self._frames, None)
        self._next = number + 1
        if frame is not None and frame.pts == wanted and not frame.is_corrupt:
            if row not in self._damaged:
                return frame
        elif frame is not None:
            self._frames = itertools.chain([frame], self._frames)  # a later one
        raise _DamagedError

    def _counted(self, number: int) -> av.VideoFrame:
        """Frame `number` of a video that does not tell the times of its frames, by counting."""
        if self._container is None or number < self._next:
            self._seek(None)
        for frame in self._frames:
            self._next += 1
            if self._next == number + 1:
                return frame
        raise _DamagedError

    def _seek(self, start: int | None) -> None:
        """Decode from the key frame at `start` on; from the beginning, where it is None."""
        import av

        if start is None:
            self._end()
        stream = picture_stream(self.name, self._opened())
        if start is not None:
            with contextlib.suppress(av.error.FFmpegError):
                self._opened().seek(start, stream=stream)
        self._frames, self._next = self._decoded(stream), 0
        self._damaged = set()

    def _decoded(self, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Frames from where the container is; packets that cannot be decoded are passed over.

        What follows such a packet may be wrong up to the next key frame, and is noted as damaged.
        """
        import av

        table = self._listed()
        for packet in self._opened().demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if packet.pts is None or not table.times:
                    raise
                self._damaged.add(bisect.bisect_right(table.keys, packet.pts) - 1)
                continue
            yield from frames

    def _undecoded(self, number: int, reason: str) -> DataError:
        return DataError("D02", f"{self.name}, frame {number}, cannot be decoded: {reason}.")


@dataclass(frozen=True, slots=True)
class Frame(StoredImage):
    """Frame of a video, ``film.mp4#000120``."""

    video: Video = field(repr=False)
    number: int
    name: str

    @property
    def stem(self) -> str:
        """As `StoredImage.stem`."""
        return f"{PurePosixPath(self.video.name).stem}-{self.number:06}"

    @property
    def frame(self) -> int:
        """Number of the frame, from 0, also of frames that are left out."""
        return self.number

    @property
    def time(self) -> float:
        """Seconds from the first frame."""
        return self.video.time_of(self.number)

    def load(self) -> NDArray[np.uint8]:
        """As `StoredImage.load`."""
        return self.video.read(self.number)

    def stamp(self) -> Stamp | None:
        """Stamp of the video."""
        return self.video.stamp()
