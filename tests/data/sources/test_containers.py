"""What a container says of its frames; `test_videos.py` decodes them."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from relook.data.sources.containers import (
    import_av,
    list_frames,
    open_container,
    picture_stream,
)
from relook.errors import DataError, RelookError


def test_frames_are_listed_in_the_order_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        stream.codec_context.gop_size = 4
        for number in range(9):
            pixels = np.full((16, 32, 3), number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    with open_container("film.mp4", path, "mov") as container:
        table = list_frames("film.mp4", container)
        assert picture_stream("film.mp4", container).width == 32
    steps = {later - sooner for sooner, later in zip(table.times, table.times[1:], strict=False)}
    assert len(steps) == 1 and steps.pop() * table.unit == Fraction(1, 10)
    assert table.length == len(table.times) == 9
    assert table.keys[0] == table.times[0] and set(table.keys) <= set(table.times)
    assert len(table.keys) > 1
    assert all(seek <= key for seek, key in zip(table.seeks, table.keys, strict=True))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with (
        open_container("song.mp4", path, "mov") as container,
        pytest.raises(DataError, match=r"D02: song\.mp4 .*only sound"),
    ):
        list_frames("song.mp4", container)


def test_what_is_no_container(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D02: a\.mp4 cannot be read as a video"):
        open_container("a.mp4", b"nothing" * 100, "matroska")
    with pytest.raises(DataError, match=r"D02: a\.mp4"):
        open_container("a.mp4", tmp_path / "gone.mp4", "mov")


def test_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    import_av("a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RelookError, match=r"R04: a\.mp4 .*pip install 'relook\[video\]'"):
        import_av("a.mp4")
