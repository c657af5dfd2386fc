"""Pictures written as a video."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from relook.errors import RelookError
from relook.visualization import film
from relook.visualization.film import codec_of_films, writing_film


def picture(level: int, height: int = 31, width: int = 47) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize("codec", film.CODECS)
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(1, 30), Fraction(237)])
def test_pictures_come_back_with_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, rate: Fraction
) -> None:
    monkeypatch.setattr(film, "CODECS", ("no-such-encoder", codec))
    with writing_film(tmp_path / "deep" / "a.mp4", rate) as writer:
        for level in (0, 120, 240):
            writer.add(picture(level))
        writer.repeat()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.mp4"]
    with av.open(str(tmp_path / "deep" / "a.mp4")) as container:
        frames = list(container.decode(video=0))
        name = container.streams.video[0].codec_context.name
    assert name == ("h264" if codec == "libx264" else "mpeg4")
    assert [(frame.width, frame.height) for frame in frames] == [(48, 32)] * 4
    levels = [float(frame.to_ndarray(format="rgb24").mean()) for frame in frames]
    assert levels == pytest.approx([0, 120, 240, 240], abs=4)
    times = [float(frame.time or 0) for frame in frames]
    assert times == pytest.approx([number / rate for number in range(4)], rel=1e-3)


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(10**9, 7), Fraction(120_000, 1001)])
def test_odd_rates_become_playable_ones(tmp_path: Path, rate: Fraction) -> None:
    with writing_film(tmp_path / "a.mp4", rate) as writer:
        writer.add(picture(9))
    assert (tmp_path / "a.mp4").stat().st_size > 0
    assert film._playable(rate).numerator <= 65_535


def test_a_film_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")

    def broken() -> None:
        with writing_film(path, Fraction(10)) as writer:
            writer.add(picture(1))
            raise KeyError("x")

    with pytest.raises(KeyError):
        broken()
    assert path.read_bytes() == b"older" and len(list(tmp_path.iterdir())) == 1


def test_pictures_have_one_size(tmp_path: Path) -> None:
    with writing_film(tmp_path / "a.mp4", Fraction(10)) as writer:
        with pytest.raises(ValueError, match="no picture"):
            writer.repeat()
        writer.add(picture(1))
        with pytest.raises(ValueError, match="a picture of"):
            writer.add(picture(1, 10))


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "CODECS", ("no-such-encoder",))
    with pytest.raises(RelookError, match=r"R04.*no encoder of no-such-encoder"):
        codec_of_films()
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RelookError, match=r"R04.*relook\[video\]"):
        codec_of_films()
