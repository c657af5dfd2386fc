"""``relook predict --track``, from a film to its files, with a network that knows the truth."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.cli.track_options import track_options
from relook.errors import UsageError
from relook.inference.predictor import Predictor

from ..inference.batch.discs import disc_predictor, num_switches, write_film, write_frames

Run = Callable[..., Result]


@pytest.fixture
def discs(monkeypatch: pytest.MonkeyPatch) -> Predictor:
    """The model of every command."""
    predictor = disc_predictor()
    monkeypatch.setattr("relook.api.load", lambda *_, **__: predictor)
    monkeypatch.setattr("relook.model_files.find_model", Path)
    return predictor


def test_a_film_becomes_a_film_and_tables(relook: Run, discs: Predictor, tmp_path: Path) -> None:
    film, out = write_film(tmp_path / "film.mp4"), tmp_path / "out"
    result = relook("predict", film, "-m", "discs", "-o", out, "--track")
    assert result.exit_code == 0, result.stderr
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    expected = ["counts_over_time.csv", "film/film.mp4", "predictions.json", "tracks.csv"]
    assert files == expected
    assert "3 objects followed over 20 frames" in result.stderr.replace("\n", " ")


def test_lines_of_json_have_identities(relook: Run, discs: Predictor, tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", 12)
    result = relook("predict", folder, "-m", "discs", "--json", "--track", "--track-gap", 2)
    assert result.exit_code == 0, result.stderr
    found = [
        (frame, one["box"], one["track_id"])
        for frame, line in enumerate(result.stdout.splitlines())
        for one in json.loads(line)["objects"]
    ]
    assert len(found) == 36 - 2 and num_switches(found) == 0
    assert not (tmp_path / "predictions").exists()


def test_overlays_are_drawn_with_identities(
    relook: Run, discs: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[int]] = []

    def draw(*arguments: object, ids: list[int], **options: object) -> object:
        from PIL import Image

        drawn.append([int(number) for number in ids])
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr("relook.visualization.overlay.draw_objects", draw)
    folder = write_frames(tmp_path / "frames", 2)
    command = ["predict", folder, "-m", "discs", "-o", tmp_path / "out", "--track"]
    assert relook(*command, "--save", "overlay").exit_code == 0
    assert [sorted(ids) for ids in drawn] == [[1, 2, 3]] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--track", "--devices", "2"], "several processes share them"),
        (["--track-gap", "2"], "--track-gap says how objects are followed. Add --track"),
        (["--track", "--track-gap", "-1"], "U03: gap"),
        (["--track", "--track-overlap", "0"], "U03: overlap"),
        (["--save", "tracks"], "save tracks: it is made of objects that are followed"),
        (["--track"], "--track-archives"),
    ],
)
def test_what_makes_no_sense_is_refused(
    relook: Run, discs: Predictor, tmp_path: Path, options: list[str], message: str
) -> None:
    folder = write_frames(tmp_path / "frames", 2)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    out = tmp_path / "out"
    result = relook("predict", tmp_path / "scans.zip", "-m", "discs", "-o", out, *options)
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())
    assert not out.exists()


def test_an_archive_of_frames_is_taken_where_it_is_asked_for(
    relook: Run, discs: Predictor, tmp_path: Path
) -> None:
    folder = write_frames(tmp_path / "frames", 3)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    result = relook(
        "predict", tmp_path / "scans.zip", "-m", "discs", "--json", "--track", "--track-archives"
    )
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 3


def test_options_become_a_value() -> None:
    options = track_options(True, 0.5, None, archives=True)
    assert options is not None
    assert (options.overlap, options.gap, options.archives) == (0.5, 3, True)
    assert track_options(False, None, None, archives=False) is None
    with pytest.raises(UsageError, match="--track-archives"):
        track_options(False, None, None, archives=True)
