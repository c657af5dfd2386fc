"""Containers of videos: opened by PyAV, and listed by their packets without decoding."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from ...errors import DataError, RelookError
from ...runtime.edition import extra

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

EXTRA: Final = extra("video")
_ALONE: Final = {"protocol_whitelist": "file,pipe"}  # a video never leads to an address
_SLACK: Final = 2  # times Pillow's limit of pixels, as for images


class Table(NamedTuple):
    """Index of a video: of each frame, in the order they are shown."""

    times: list[int]  # in units of `unit`; empty where the container does not know them
    keys: list[int]  # times of the key frames
    seeks: list[int]  # where to seek for each of these
    length: int  # number of frames
    unit: Fraction  # seconds
    rate: Fraction  # frames a second


def import_av(name: str) -> None:
    """Import PyAV, for the video called `name`.

    Raises:
        RelookError: R04 when it is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        raise RelookError("R04", f"{name} is a video, which needs PyAV: {EXTRA}.") from None


def open_container(name: str, content: Path | bytes, demuxer: str) -> InputContainer:
    """The open container of a video, a file or its bytes, of the kind that `demuxer` names.

    Raises:
        DataError: D02 when it is none.
    """
    import av

    try:
        return av.open(
            io.BytesIO(content) if isinstance(content, bytes) else str(content),
            "r",
            format=demuxer,
            container_options=_ALONE,
            metadata_errors="replace",
        )
    except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
        raise _broken(name, f"it is damaged, or not of that kind ({error})") from None


def picture_stream(name: str, container: InputContainer) -> VideoStream:
    """The first stream of pictures in `container`.

    Raises:
        DataError: D02 where there is none that can be decoded, or its frames are too large.
    """
    streams = container.streams.video
    if not streams:
        raise _broken(name, "there is only sound in it")
    stream = streams[0]
    if getattr(stream, "codec_context", None) is None:
        raise _broken(name, "its codec is not known to this FFmpeg")
    if Image.MAX_IMAGE_PIXELS is not None:
        limit = _SLACK * Image.MAX_IMAGE_PIXELS
        if stream.width * stream.height > limit:
            raise _broken(name, f"its frames have {stream.width} x {stream.height} pixels")
        stream.codec_context.options |= {"max_pixels": str(limit)}  # a frame may say otherwise
    return stream


def list_frames(name: str, container: InputContainer) -> Table:
    """The frames in `container`, one for each packet.

    Raises:
        DataError: D02 where there are none, and for a container that is damaged.
    """

    stream = picture_stream(name, container)
    times: list[int] = []
    keys: list[tuple[int, int]] = []
    is_known = True
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            is_known = is_known and packet.pts is not None
            times.append(packet.pts or 0)
            if packet.is_keyframe and packet.pts is not None:
                keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
    except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
        raise _broken(name, f"it is damaged ({error})") from None
    if not times:
        raise _broken(name, "it has no frames")
    keys.sort()
    return Table(
        times=sorted(times) if is_known and len(set(times)) == len(times) else [],
        keys=[key for key, _ in keys],
        seeks=[seek for _, seek in keys],
        length=len(times),
        unit=stream.time_base or Fraction(1, 1000),
        rate=stream.average_rate or Fraction(25),
    )


def _broken(name: str, reason: str) -> DataError:
    return DataError(
        "D02",
        f"{name} cannot be read as a video: {reason}. See whether a player shows it; if "
        "so, save it as MP4, or save its frames as images.",
    )
