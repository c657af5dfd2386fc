"""Pictures written as a video, by the FFmpeg inside PyAV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import RelookError
from ..runtime.edition import extra
from ..runtime.files import replacing, unwritable

CODECS: Final = ("libx264", "mpeg4")
"""Encoders, the first of which this FFmpeg has is taken: H.264, else MPEG-4."""
_FASTEST, _SLOWEST = Fraction(240), Fraction(1, 60)  # frames a second that players take
_LARGEST_PART: Final = 65_535  # of a rate, in MPEG-4
_BITS: Final = 0.25  # a pixel, in MPEG-4


@contextlib.contextmanager
def writing_film(path: Path, rate: Fraction) -> Iterator[Film]:
    """Yield the film that is written to `path` as MP4, whole or, when the block fails, not at all.

    `rate` is in frames a second, and is kept between 1/60 and 240.

    Raises:
        RelookError: R02 when it cannot be written, R04 without PyAV.
    """
    codec = codec_of_films()
    with replacing(path) as draft:
        film = Film(draft, path, codec, rate)
        try:
            yield film
            film.finish()
        finally:
            film.close()


def codec_of_films() -> str:
    """The encoder that films are written with.

    Raises:
        RelookError: R04 where PyAV is missing, or has none.
    """
    try:
        import av
    except ImportError:
        raise RelookError(
            "R04",
            "an annotated film is written by PyAV, which is not installed: "
            f"{extra('video')}, or leave film out of --save.",
        ) from None
    for codec in CODECS:
        with contextlib.suppress(ValueError):  # how PyAV says that it does not know one
            av.Codec(codec, "w")
            return codec
    raise RelookError(
        "R04",
        f"the FFmpeg of PyAV has no encoder of {', '.join(CODECS)}. Install PyAV from its wheel, "
        "or leave film out of --save.",
    )


class Film:
    """A film that is being written to `draft`, and will be called `path`.

    Sides become even by repeating the last row or column, as players need.
    """

    def __init__(self, draft: Path, path: Path, codec: str, rate: Fraction) -> None:
        self._draft, self._path, self._codec = draft, path, codec
        self._rate = _playable(rate)
        self._container: Any = None
        self._stream: Any = None
        self._last: NDArray[np.uint8] | None = None
        self._count = 0

    def add(self, picture: Image.Image | NDArray[np.uint8]) -> None:
        """Add a picture (H, W, 3), of the size of those before.

        Raises:
            ValueError: It has another size.
            RelookError: R02 when it cannot be written.
        """
        pixels = np.asarray(picture, dtype=np.uint8)[:, :, :3]
        height, width = pixels.shape[:2]
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._last is not None and self._last.shape != pixels.shape:
            raise ValueError(f"a picture of {pixels.shape} in a film of {self._last.shape}")
        self._last = pixels
        self.repeat()

    def repeat(self) -> None:
        """Add the last picture once more."""
        import av

        if self._last is None:
            raise ValueError("there is no picture to repeat")
        try:
            if self._container is None:
                self._open(self._last.shape[1], self._last.shape[0])
            frame = av.VideoFrame.from_ndarray(self._last, format="rgb24")
            frame.pts, frame.time_base = self._count, 1 / self._rate
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise unwritable(self._path, error) from error
        self._count += 1

    def finish(self) -> None:
        """Write what the encoder still holds, and the index."""
        import av

        try:
            if self._container is not None:
                self._container.mux(self._stream.encode())
                self._container.close()
                self._container = None
        except av.error.FFmpegError as error:
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        """Give the file free."""
        import av

        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.error.FFmpegError):  # another error is on its way
                container.close()

    def _open(self, width: int, height: int) -> None:
        import av

        self._container = av.open(
            str(self._draft), "w", format="mp4", options={"movflags": "+faststart"}
        )
        options = {"crf": "20", "preset": "veryfast"} if self._codec == "libx264" else {}
        stream = self._container.add_stream(self._codec, rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = 1 / self._rate
        if not options:
            stream.bit_rate = max(200_000, int(_BITS * width * height * self._rate))
        self._stream = stream


def _playable(rate: Fraction) -> Fraction:
    """`rate` within the limits, as a fraction that containers can hold."""
    rate = min(max(Fraction(rate), _SLOWEST), _FASTEST).limit_denominator(1001)
    if rate.numerator > _LARGEST_PART:
        return rate.limit_denominator(_LARGEST_PART // int(_FASTEST))
    return rate
