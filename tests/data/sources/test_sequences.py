"""Which images are frames of one scene, and in which order."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relook.data.sources.finding import find_sources
from relook.data.sources.sequences import number_aware, sequences_of
from relook.data.sources.stored import ImageBytes
from relook.data.sources.videos import Frame, Video
from relook.errors import UsageError


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 3))
def test_digits_are_compared_as_numbers(a: int, b: int, zeros: int) -> None:
    if a != b:
        first = number_aware(f"t{'0' * zeros}{a}.png") < number_aware(f"t{b}.png")
        assert first == (a < b)


def test_names_are_in_an_order_without_ties() -> None:
    names = ["a10", "a9", "a09", "a", "b1", "10", "9", "a9b2", "a9b10", ""]
    expected = ["", "9", "10", "a", "a09", "a9", "a9b2", "a9b10", "a10", "b1"]
    assert sorted(names, key=number_aware) == expected
    assert number_aware("1" * 65_535)  # no integer is made of it


def test_each_folder_is_a_sequence(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one/9.png", "one/10.png", "two/1.png", "two/0.png")]
    sequences = sequences_of(sorted(paths))
    assert [
        [image.name for image in one.images if isinstance(image, Path)] for one in sequences
    ] == [["9.png", "10.png"], ["0.png", "1.png"]]
    assert [one.name for one in sequences] == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert [one.stem for one in sequences] == ["one", "two"] and sequences[0].rate is None
    assert len(sequences[0]) == 2


def test_stems_are_different(tmp_path: Path) -> None:
    paths = [tmp_path / "x" / "Day" / f"{n}.png" for n in (1, 2)]
    paths += [tmp_path / "y" / "day" / f"{n}.png" for n in (1, 2)]
    assert [one.stem for one in sequences_of(paths)] == ["Day", "day-2"]


def test_frames_of_a_video_have_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Video, "rate", Fraction(30000, 1001))
    video = Video("films/a.mp4", b"", "mp4")
    frames = [Frame(video, number, f"films/a.mp4#{number:06}") for number in (0, 5, 10)]
    (sequence,) = sequences_of(frames)
    assert (sequence.name, sequence.stem) == ("films/a.mp4", "a")
    assert sequence.rate == Fraction(6000, 1001) and sequence.images == tuple(frames)


def test_an_archive_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "scans.zip"
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("t/10.png", "t/9.png"):
            archive.write(tmp_path / "a.png", name)
    with find_sources([path]) as found:
        with pytest.raises(UsageError, match=r"U04.*--track-archives"):
            sequences_of(found.images)
        (sequence,) = sequences_of(found.images, archives=True)
    assert [str(image).rsplit("/", 1)[1] for image in sequence.images] == ["9.png", "10.png"]
    assert sequence.stem == "t" and sequence.name == f"{path}/t"


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"U04: tracking: stdin is no frame"):
        sequences_of([ImageBytes("stdin", b"x")])
    with pytest.raises(UsageError, match=r"U04.*gives one image"):
        sequences_of([tmp_path / "a.png"])
    assert sequences_of([]) == []
