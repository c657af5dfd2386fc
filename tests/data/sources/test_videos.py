"""Frames of videos that are made here, whose grey tells their number."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from relook.data.sources.signatures import recognise
from relook.data.sources.videos import Video
from relook.errors import DataError, RelookError

COUNT, STEP = 23, 10


def make(path: Path, codec: str, *, keys: int = 5, frames: int = COUNT) -> Path:
    """A video of `frames` grey frames of 48 x 64 pixels, ten a second, a key frame every `keys`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = keys
        for number in range(frames):
            pixels = np.full((48, 64, 3), number * STEP, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def opened(path: Path) -> Video:
    kind = recognise(path.read_bytes())
    assert kind is not None and kind.use == "video"
    return Video(path.name, path, kind.demuxer)


def numbers(frames: list[Any]) -> list[int]:
    return [round(float(frame.load().mean()) / STEP) for frame in frames]


@pytest.mark.parametrize(
    ("codec", "ending"),
    [
        ("libx264", "mp4"),  # frames are stored in another order than shown
        ("libx264", "mkv"),
        ("mpeg4", "avi"),
        ("libvpx", "webm"),
        ("mjpeg", "mov"),
        ("mpeg2video", "mpg"),
        ("mpeg2video", "ts"),
    ],
)
def test_a_frame_is_the_same_however_it_is_reached(codec: str, ending: str, tmp_path: Path) -> None:
    video = opened(make(tmp_path / f"film.{ending}", codec))
    frames = video.frames()
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert numbers(frames) == list(range(COUNT))
    jumps = [17, 3, 4, 22, 0, 9, 9, 8, 11, 21]
    assert numbers([frames[n] for n in jumps]) == jumps
    times = [frame.time for frame in frames]
    slack = 0.11 if ending == "mpg" else 1e-6  # this one's own clock is off by a frame
    assert times == pytest.approx([n / 10 for n in range(COUNT)], abs=slack)
    video.close()


def test_names_times_and_every(tmp_path: Path) -> None:
    video = opened(make(tmp_path / "film.mp4", "mpeg4"))
    frames = video.frames(every=10)
    assert [frame.name for frame in frames] == [f"film.mp4#0000{n}0" for n in range(3)]
    assert [frame.stem for frame in frames] == [f"film-0000{n}0" for n in range(3)]
    assert [(frame.frame, frame.time) for frame in frames] == [(0, 0.0), (10, 1.0), (20, 2.0)]
    assert numbers(frames) == [0, 10, 20]
    assert len(video.frames(every=10, most=2)) == 2
    assert frames[0].load().shape == (48, 64, 3) and str(frames[1]) == "film.mp4#000010"
    before = frames[0].stamp()
    assert before is not None and before == frames[1].stamp()
    make(tmp_path / "film.mp4", "mpeg4", frames=3)
    assert frames[0].stamp() != before


def test_nothing_is_decoded_for_the_list_and_little_for_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = opened(make(tmp_path / "film.mkv", "libx264"))
    seeks: list[int | None] = []
    seek = Video._seek

    def watched(self: Video, start: int | None) -> None:
        seeks.append(start)
        seek(self, start)

    monkeypatch.setattr(Video, "_seek", watched)
    frames = video.frames()
    assert not seeks and video._container is None
    assert numbers(frames[:4]) == [0, 1, 2, 3]
    assert len(seeks) == 1  # once, then on and on
    assert numbers([frames[4], frames[21]]) == [4, 21]
    assert len(seeks) == 2 and seeks[-1] is not None  # to the key frame before it


def test_processes_share_a_video(tmp_path: Path) -> None:
    video = opened(make(tmp_path / "film.mp4", "libx264"))
    frames = video.frames()
    assert numbers(frames[:2]) == [0, 1]
    copies = pickle.loads(pickle.dumps(frames))
    assert copies[0].video is copies[-1].video and copies[0].video is not video
    assert numbers(copies[12:14]) == [12, 13]
    assert numbers(frames[2:4]) == [2, 3]


def test_bytes_are_a_video_too(tmp_path: Path) -> None:
    content = make(tmp_path / "film.mp4", "libx264").read_bytes()
    frames = Video("stdin", content, "mov").frames(every=11)
    assert numbers(frames) == [0, 11, 22]
    assert frames[0].stamp() == Video("other", content, "mov").stamp()
    assert frames[0].stamp() != Video("other", content[:-1], "mov").stamp()


def test_frames_without_times_are_counted(tmp_path: Path) -> None:
    video = opened(make(tmp_path / "film.avi", "mpeg4"))
    table = video._listed()
    video._table = table._replace(times=[])
    frames = video.frames()
    assert numbers([frames[n] for n in (3, 4, 20, 1)]) == [3, 4, 20, 1]
    assert frames[7].time == pytest.approx(0.7)


def turned(content: bytes) -> bytes:
    """The video with the matrix of a phone that was held upright: shown turned to the right."""
    start = content.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes
    matrix = [0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, 48 << 16, 0, 1 << 30]
    return content[:start] + b"".join(v.to_bytes(4, "big") for v in matrix) + content[start + 36 :]


def test_a_turned_video_comes_upright(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32] = 255  # top left
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for packet in [
            *stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")),
            *stream.encode(),
        ]:
            container.mux(packet)
    path.write_bytes(turned(path.read_bytes()))
    image = opened(path).frames()[0].load()
    assert image.shape == (64, 48, 3)
    assert image[:30, 26:].mean() > 240 and image[:30, :22].mean() < 15  # top right now


def test_damaged_videos_are_named(tmp_path: Path) -> None:
    whole = make(tmp_path / "film.mp4", "libx264").read_bytes()
    for content, reason in (
        (whole[: len(whole) // 2], "damaged"),
        (b"\0\0\0\x18ftypisom" + bytes(400), "damaged|no frames|only sound"),
    ):
        with pytest.raises(DataError, match=rf"D02: cut\.mp4 cannot be read as a video.*{reason}"):
            Video("cut.mp4", content, "mov").frames()


@pytest.mark.parametrize(
    ("codec", "lost"),
    [("mjpeg", [7]), ("mpeg4", [7]), ("libvpx", [7, 8, 9]), ("libx264", [5, 6, 7, 8, 9])],
)
def test_a_damaged_part_costs_its_frames_alone(codec: str, lost: list[int], tmp_path: Path) -> None:
    path = make(tmp_path / "film.mkv", codec)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    content, start = path.read_bytes(), 0
    for packet in packets[:7]:
        start = content.index(packet, start) + len(packet)
    start = content.index(packets[7], start)
    end = start + len(packets[7])
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    good: list[int] = []
    reasons: list[str] = []
    for frame in opened(path).frames():
        try:
            good += numbers([frame])
            assert good[-1] == frame.number
        except DataError as error:
            reasons.append(str(error))
    assert sorted(set(range(COUNT)) - set(good)) == lost
    begun = [f"data error D02: film.mkv, frame {number}, cannot be decoded" for number in lost]
    assert all(r.startswith(b) for r, b in zip(reasons, begun, strict=True))


def test_huge_frames_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = opened(make(tmp_path / "film.mp4", "mpeg4", frames=2))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match="64 x 48 pixels"):
        video.frames()


def test_a_playlist_leads_nowhere(tmp_path: Path) -> None:
    make(tmp_path / "secret.ts", "mpeg2video", frames=2)
    playlist = b"#EXTM3U\n#EXTINF:1,\n" + bytes(tmp_path / "secret.ts") + b"\n#EXT-X-ENDLIST\n"
    kind = recognise(playlist)
    assert kind is not None and kind.use == "other"
    with pytest.raises(DataError, match="D02"):
        Video("list.mp4", playlist, "mov").frames()


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = opened(make(tmp_path / "film.mp4", "mpeg4", frames=2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RelookError, match=r"R04: film\.mp4 .*pip install 'relook\[video\]'"):
        video.frames()
