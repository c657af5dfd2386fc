"""Videos: frames with their times, decoded when it is their turn.

A video is listed by its packets, without decoding it: each is one frame, and says when it is shown.
A frame is then found from the last key frame before it, so that processes can share a video.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import DataError, RelookError
from .stored import Stamp, StoredImage, stamp_of

if TYPE_CHECKING:
    import av
    import av.container
    from av.video.stream import VideoStream

EXTRA: Final = "pip install 'relook[video]'"
_WHOLE: Final = {"protocol_whitelist": "file,pipe"}  # a video never leads to other files
_SLACK: Final = 2  # times Pillow's limit of pixels, as for images


class _Table(NamedTuple):
    """Index of a video: of each frame, in the order they are shown."""

    times: list[int]  # in units of `unit`; empty where the container does not know them
    keys: list[int]  # times of the key frames
    seeks: list[int]  # where to seek for each of these
    length: int  # number of frames
    unit: Fraction  # seconds
    rate: Fraction  # frames a second


class Video:
    """A video: a file, or the bytes of one under a name; its container is called `demuxer`."""

    def __init__(self, name: str, content: Path | bytes, demuxer: str) -> None:
        self.name, self._content, self._demuxer = name, content, demuxer
        self._lock = threading.Lock()
        self._container: av.container.InputContainer | None = None
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._next = 0  # number of the frame that `_frames` gives next, at least
        self._table: _Table | None = None
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
        import av

        with self._lock:
            try:
                frame = self._found(number)
                pixels = frame.to_ndarray(format="rgb24")
                turns = round(frame.rotation / 90) % 4
            except (av.error.FFmpegError, ValueError, MemoryError) as error:
                self._end()
                raise DataError(
                    "D02", f"{self.name}, frame {number}, cannot be decoded: {error}."
                ) from None
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

    def _listed(self) -> _Table:
        if self._table is None:
            try:
                self._table = self._list()
            finally:
                self._end()
        return self._table

    def _list(self) -> _Table:
        import_av(self.name)
        import av

        try:
            stream = self._stream()
            times, keys, known = [], [], True
            for packet in self._opened().demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                known = known and packet.pts is not None
                times.append(packet.pts or 0)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
        except (av.error.FFmpegError, ValueError) as error:
            raise self._broken(f"it is damaged ({error})") from None
        if not times:
            raise self._broken("it has no frames")
        unit = stream.time_base or Fraction(1, 1000)
        rate = stream.average_rate or Fraction(25)
        is_exact = known and len(set(times)) == len(times)
        keys.sort()
        return _Table(
            sorted(times) if is_exact else [],
            [key for key, _ in keys],
            [seek for _, seek in keys],
            len(times),
            unit,
            rate,
        )

    def _opened(self) -> av.container.InputContainer:
        import av

        if self._container is None:
            content = self._content
            try:
                self._container = av.open(
                    io.BytesIO(content) if isinstance(content, bytes) else str(content),
                    "r",
                    format=self._demuxer,
                    container_options=_WHOLE,
                    metadata_errors="replace",
                )
            except (av.error.FFmpegError, OSError, ValueError) as error:
                raise self._broken(f"it is damaged, or not of that kind ({error})") from None
        return self._container

    def _stream(self) -> VideoStream:
        streams = self._opened().streams.video
        if not streams:
            raise self._broken("there is only sound in it")
        stream = streams[0]
        if getattr(stream, "codec_context", None) is None:
            raise self._broken("its codec is not known to this FFmpeg")
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and stream.width * stream.height > _SLACK * limit:
            raise self._broken(f"its frames have {stream.width} x {stream.height} pixels")
        return stream

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
                raise ValueError("it is not in the video")
        else:
            frame = next(self._frames, None)
        while frame is not None and (frame.pts is None or frame.pts < wanted):
            frame = next(self._frames, None)
        if frame is None or frame.pts != wanted:
            raise ValueError("it is not in the video")
        self._next = number + 1
        return frame

    def _counted(self, number: int) -> av.VideoFrame:
        """Frame `number` of a video that does not tell the times of its frames, by counting."""
        if self._container is None or number < self._next:
            self._seek(None)
        for frame in self._frames:
            self._next += 1
            if self._next == number + 1:
                return frame
        raise ValueError("it is not in the video")

    def _seek(self, start: int | None) -> None:
        """Decode from the key frame at `start` on; from the beginning, where it is None."""
        import av

        if start is None:
            self._end()
        stream = self._stream()
        if start is not None:
            with contextlib.suppress(av.error.FFmpegError):
                self._opened().seek(start, stream=stream)
        self._frames, self._next = self._opened().decode(stream), 0

    def _broken(self, reason: str) -> DataError:
        return DataError(
            "D02",
            f"{self.name} cannot be read as a video: {reason}. See whether a player shows it; if "
            "so, save it as MP4, or save its frames as images.",
        )


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
        """That of the video."""
        return self.video.stamp()


def import_av(name: str) -> None:
    """Import PyAV, for the video called `name`.

    Raises:
        RelookError: R04 when it is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise RelookError("R04", f"{name} is a video, which needs PyAV: {EXTRA}.") from None
