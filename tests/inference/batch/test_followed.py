"""Objects followed over whole runs: a film of discs whose truth is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest
from PIL import Image

from relook.data.sources.cameras import Camera
from relook.data.sources.finding import find_sources
from relook.data.sources.found import Found
from relook.errors import DataError, RelookError, UsageError
from relook.inference.batch import followed
from relook.inference.batch.followed import FollowedFrames, check_followed
from relook.inference.batch.journal import FOLDER
from relook.inference.batch.run import predict_files
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.results import Result
from relook.inference.tracking import TrackOptions
from relook.inference.writers.options import SaveOptions

from .discs import (
    MISSED,
    NUM_FRAMES,
    Discs,
    disc_predictor,
    num_switches,
    picture,
    write_film,
    write_frames,
)

ALL = ("coco", "film", "tracks")


@pytest.fixture
def predictor() -> Predictor:
    return disc_predictor()


def quiet(line: str) -> None:
    pass


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def switches_in(path: Path) -> int:
    sides = ("x1", "y1", "x2", "y2")
    return num_switches(
        [
            (int(row["frame"]), [float(row[side]) for side in sides], int(row["track_id"]))
            for row in rows_of(path)
        ]
    )


def lengths(path: Path) -> list[float]:
    """Times in seconds of the frames of a video."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def test_a_film_of_touching_discs_has_no_switch_of_identities(
    predictor: Predictor, tmp_path: Path
) -> None:
    film, out = write_film(tmp_path / "film.mp4"), tmp_path / "out"
    results: list[Any] = []
    said: list[str] = []
    predict_files(
        predictor,
        [film],
        out,
        track=True,
        save=ALL,
        say=said.append,
        on_image=lambda outcome, *_: results.append(outcome),
    )
    rows = rows_of(out / "tracks.csv")
    assert len(rows) == 3 * NUM_FRAMES - len(MISSED)
    assert switches_in(out / "tracks.csv") == 0
    assert {row["track_id"] for row in rows} == {"1", "2", "3"}
    assert rows[-1]["time"] == str((NUM_FRAMES - 1) / 10)
    counts = rows_of(out / "counts_over_time.csv")
    assert [int(row["count"]) for row in counts] == [
        3 - sum(frame == missed for _, missed in MISSED) for frame in range(NUM_FRAMES)
    ]
    assert {row["total"] for row in counts} == {"3"}
    assert lengths(out / "film" / "film.mp4") == [number / 10 for number in range(NUM_FRAMES)]
    objects = json.loads((out / "predictions.json").read_text())["annotations"]
    assert [str(one["track_id"]) for one in objects] == [row["track_id"] for row in rows]
    assert results[0].to_json()["objects"][0]["track_id"] == results[0].tracks[0]
    assert not (out / FOLDER).exists()
    assert f"{film}: 3 objects followed over 20 frames" in said


@pytest.mark.parametrize(("labels", "text"), [("auto", None), ("off", False)])
def test_films_have_words_unless_they_are_off(
    predictor: Predictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    labels: Literal["auto", "off"],
    text: bool | None,
) -> None:
    drawn: list[dict[str, Any]] = []
    draw = Result.draw

    def noted(result: Result, **options: Any) -> Any:
        drawn.append(options)
        return draw(result, **options)

    monkeypatch.setattr(Result, "draw", noted)
    film = write_film(tmp_path / "film.mp4")
    saving = SaveOptions(labels=labels)
    predict_files(predictor, [film], tmp_path / "o", track=True, save=["film"], saving=saving)
    assert drawn == [{"text": text, "legend": text}] * NUM_FRAMES


def test_every_second_frame_keeps_the_speed_of_the_film(
    predictor: Predictor, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with find_sources([write_film(tmp_path / "film.mp4")], every=2) as found:
        tracking = TrackOptions(overlap=0.1)  # discs move by two thirds of their diameter
        predict_files(predictor, found, out, track=tracking, save=["film", "tracks"], say=quiet)
    assert lengths(out / "film" / "film.mp4") == [number / 5 for number in range(NUM_FRAMES // 2)]
    assert switches_in(out / "tracks.csv") == 0
    assert not (out / "predictions.json").exists()


def test_objects_that_are_too_fast_are_named(predictor: Predictor, tmp_path: Path) -> None:
    said: list[str] = []
    with find_sources([write_film(tmp_path / "film.mp4")], every=4) as found:
        predict_files(predictor, found, None, track=True, say=said.append)
    line = next(line for line in said if "film.mp4: " in line)
    assert "objects followed over 5 frames, " in line and "--track-overlap" in line


def test_folders_and_films_have_identities_of_their_own(
    predictor: Predictor, tmp_path: Path
) -> None:
    folder = write_frames(tmp_path / "cells", 12)
    out = tmp_path / "out"
    film = write_film(tmp_path / "cells.mp4", 3)
    predict_files(predictor, [folder, film], out, track=True, save=["film", "tracks"], say=quiet)
    assert isinstance(predictor.detector, Discs)
    assert predictor.detector.seen == [*range(12), *range(3)]  # frame9 before frame10
    rows = rows_of(out / "tracks.csv")
    assert switches_in(out / "tracks.csv") == 0
    assert {row["source"]: row["time"] for row in rows} == {str(folder): "", str(film): "0.2"}
    assert min(int(row["track_id"]) for row in rows if row["source"] == str(film)) == 1
    assert lengths(out / "film" / "cells.mp4") == [number / 10 for number in range(12)]
    assert len(lengths(out / "film" / "cells-2.mp4")) == 3


def test_a_frame_that_cannot_be_read_is_a_gap(predictor: Predictor, tmp_path: Path) -> None:
    folder, out = write_frames(tmp_path / "frames", 6), tmp_path / "out"
    for number in (0, 3):
        (folder / f"frame{number}.png").write_bytes(b"no image")
    report = predict_files(predictor, [folder], out, track=True, save=ALL, say=quiet)
    assert len(report.unreadable) == 2
    assert switches_in(out / "tracks.csv") == 0
    counts = rows_of(out / "counts_over_time.csv")
    assert [row["count"] for row in counts] == ["", "3", "3", "", "3", "3"]
    assert len(lengths(out / "film" / "frames.mp4")) == 6  # shown once more in its place


@pytest.mark.parametrize("stop", [4, 8])
def test_a_stopped_run_goes_on_with_the_same_identities(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    film = write_film(tmp_path / "film.mp4", 10)
    whole, out = tmp_path / "whole", tmp_path / "out"
    predict_files(predictor, [film], whole, track=True, save=ALL, say=quiet)

    def interrupt(_: object, done: int, total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(RelookError, match="R01"):
        predict_files(predictor, [film], out, track=True, save=ALL, say=quiet, on_image=interrupt)
    assert not (out / "film" / "film.mp4").exists() and not list((out / "film").iterdir())
    assert rows_of(out / "tracks.csv")
    with pytest.raises(UsageError, match=r"U04.*track was"):
        predict_files(predictor, [film], out, save=["coco"], resume=True, say=quiet)
    report = predict_files(predictor, [film], out, track=True, save=ALL, say=quiet, resume=True)
    assert report.images == 10 and report.kept >= stop
    for name in ("tracks.csv", "counts_over_time.csv", "predictions.json"):
        assert (out / name).read_text() == (whole / name).read_text()
    assert decoded(out / "film" / "film.mp4") == decoded(whole / "film" / "film.mp4")


def decoded(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]


def test_a_resumed_run_keeps_a_sequence_up_to_its_first_gap(
    predictor: Predictor, tmp_path: Path
) -> None:
    folder, film = write_frames(tmp_path / "frames", 6), write_film(tmp_path / "film.mp4", 3)
    content = (folder / "frame2.png").read_bytes()
    (folder / "frame2.png").write_bytes(b"no image")
    out = tmp_path / "out"
    predict_files(predictor, [folder, film], out, track=True, save=ALL, say=quiet)
    (folder / "frame2.png").write_bytes(content)
    report = predict_files(
        predictor, [folder, film], out, track=True, save=ALL, say=quiet, resume=True
    )
    assert (report.images, report.kept) == (9, 5)  # frames 0 and 1 and the whole film
    assert switches_in(out / "tracks.csv") == 0
    assert len(rows_of(out / "tracks.csv")) == 27
    assert len(lengths(out / "film" / "film.mp4")) == 3


def test_frames_of_another_size_are_refused(predictor: Predictor, tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", 3)
    Image.new("RGB", (64, 64)).save(folder / "frame2.png")
    with pytest.raises(DataError, match=r"D10.*frame2.png has 64x64 pixels.*96x64"):
        predict_files(predictor, [folder], None, track=True, say=quiet)


def test_what_makes_no_sense_is_refused_before_anything_is_done(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_frames(tmp_path / "frames", 2)
    with pytest.raises(UsageError, match=r"U04: save film.*--track"):
        predict_files(predictor, [folder], tmp_path / "out", save=["film"])
    with pytest.raises(UsageError, match="U04: tracking follows objects"):
        predict_files(
            predictor, [folder], None, track=TrackOptions(gap=1), panoptic=True, say=quiet
        )
    monkeypatch.setattr(followed, "world_size", lambda: 2)
    with pytest.raises(UsageError, match=r"U04.*--devices"):
        predict_files(predictor, [folder], None, track=True)
    check_followed(["coco"], is_followed=False)
    assert not (tmp_path / "out").exists()


class Filmed(Camera):
    """A camera that films the discs."""

    def __init__(self) -> None:
        self.name = "camera:0"

    def read(self, number: int) -> Any:
        return picture(number)

    def time_of(self, number: int) -> float:
        return number / 4

    def close(self) -> None:
        pass


def test_frames_of_a_camera_are_followed(predictor: Predictor, tmp_path: Path) -> None:
    camera = Filmed()
    found = Found(list(camera.frames(6)), containers=(camera,))
    predict_files(predictor, found, tmp_path, track=True, save=["film", "tracks"], say=quiet)
    assert switches_in(tmp_path / "tracks.csv") == 0
    assert rows_of(tmp_path / "tracks.csv")[-1]["time"] == "1.25"
    assert len(lengths(tmp_path / "film" / "camera0.mp4")) == 6


def test_a_frame_too_large_to_keep_is_drawn_again_from_its_overview(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_frames(tmp_path / "frames", 2)
    path = folder / "frame1.png"
    with find_sources([folder]) as found:
        options = predictor.resolved(PredictOptions(tile=64))
        frames = FollowedFrames(found, TrackOptions(), predictor, options, None, quiet)
    whole, is_whole = frames._picture(path)
    assert is_whole and np.array_equal(whole, picture(1))
    monkeypatch.setattr(followed, "WHOLE", 100)
    overview, is_whole = frames._picture(path)
    assert not is_whole and overview.shape == whole.shape  # it is small enough as it is
