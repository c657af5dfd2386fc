"""Whole folders from Python; `tests/cli/test_predict_many.py` has the same by the command."""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from relook.data.sources.cameras import Camera
from relook.data.sources.finding import find_sources
from relook.data.sources.found import Found
from relook.data.sources.stored import ImageBytes
from relook.errors import DataError, RelookError, UsageError
from relook.inference import precision
from relook.inference.batch.journal import FOLDER
from relook.inference.batch.run import BatchReport, Outcome, predict_files
from relook.inference.batch.writer import Writer
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable
from relook.inference.writers.options import SaveOptions
from relook.runtime.locks import LOCK

Model = Callable[..., Predictor]


@pytest.fixture(scope="module")
def predictor(model: Model) -> Predictor:
    return model()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((70, 50), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
    return folder


def test_results_are_reported_and_on_disk(
    predictor: Predictor, photos: Path, tmp_path: Path
) -> None:
    (photos / "2.png").write_bytes(b"no image")
    seen: list[tuple[str, int, int]] = []
    said: list[str] = []

    def watch(one: Outcome, done: int, total: int) -> None:
        seen.append((type(one).__name__, done, total))

    out = tmp_path / "out"
    report = predict_files(
        predictor, [photos], out, max_dets=3, on_image=watch, say=said.append, save=["coco"]
    )
    assert (report.images, report.kept, report.objects) == (3, 0, 9)
    assert list(report.unreadable) == [str(photos / "2.png")]
    assert report.seconds > 0
    assert [kind for kind, _, _ in seen] == ["Result", "Result", "Unreadable", "Result"]
    assert [(done, total) for _, done, total in seen] == [(n, 4) for n in range(1, 5)]
    assert said[0] == "images: PNG, axes YXS, uint8: RGB; 8 bits as they are"
    assert len(said) == 2 and "D02" in said[1]
    content = json.loads((out / "predictions.json").read_text())
    assert len(content["images"]) == 3 and len(content["annotations"]) == 9
    assert not (out / "overlay").exists()
    assert (out / FOLDER).exists()  # an image is left to be done


def test_two_commands_do_not_write_into_one_folder(
    predictor: Predictor, photos: Path, tmp_path: Path
) -> None:
    out, said = tmp_path / "out", list[str]()

    def predict_again(_: Outcome, done: int, __: int) -> None:
        words = rf"R07: .*out is in use by process {os.getpid()} on "
        if done == 1:
            with pytest.raises(RelookError, match=words):
                predict_files(predictor, [photos], out, max_dets=1, resume=True)

    predict_files(predictor, [photos], out, max_dets=1, on_image=predict_again, say=said.append)
    assert len(list((out / "overlay").iterdir())) == 4 and not (out / LOCK).exists()
    # The lock of a process that was killed keeps nobody out.
    dead = {"host": socket.gethostname(), "pid": 2**22 + 7, "started": "then"}
    (out / LOCK).write_text(json.dumps(dead))
    predict_files(predictor, [photos], out, max_dets=1, resume=True, say=said.append)
    assert sum("the lock of a process that has ended" in line for line in said) == 1


def test_a_stopped_run_goes_on_with_the_same_request_only(
    predictor: Predictor,
    model: Model,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = Writer.write
    options = PredictOptions(max_dets=2)

    def failing(self: Writer, result: Any, name: str) -> dict[str, Any]:
        if name == "2":
            raise RelookError("R02", "no space left")
        return write(self, result, name)

    out = tmp_path / "out"
    rounded = model()
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    rounded.precision = "bf16"
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "write", failing)
        with pytest.raises(RelookError, match="R02: no space left"):
            predict_files(predictor, [photos], out, options)
    for other, request in (
        (predictor, options.with_(score=0.5)),
        (predictor, options.with_(tta="flip")),
        (model(seed=1), options),
        (predictor.first_stages(2), options),
        (rounded, options),
    ):
        with pytest.raises(UsageError, match="U04: --resume"):
            predict_files(other, [photos], out, request, resume=True)
    with pytest.raises(UsageError, match="U04: --resume"):
        predict_files(
            predictor, [photos], out, options, saving=SaveOptions(labels="off"), resume=True
        )
    report = predict_files(predictor, [photos], out, options.with_(batch_size=2), resume=True)
    assert report.images == 4 and report.kept >= 2
    assert report.objects == 8
    assert not (out / FOLDER).exists()


def test_nothing_is_written_without_a_folder(
    predictor: Predictor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes: list[Outcome] = []
    report = predict_files(
        predictor, [photos / "0.png"], None, on_image=lambda one, *_: outcomes.append(one)
    )
    assert report.images == 1 and not isinstance(outcomes[0], Unreadable)
    assert report.objects == len(outcomes[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]
    with pytest.raises(UsageError, match="U04: resume"):
        predict_files(predictor, [photos], None, resume=True)


def test_what_cannot_be_is_refused_before_the_work(
    predictor: Predictor, model: Model, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="U01: save"):
        predict_files(predictor, [photos], out, save=["mask"])
    with pytest.raises(UsageError, match="U01: labels: expected auto or off, got 'none'"):
        SaveOptions(labels="none")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="U04: save panoptic"):
        predict_files(predictor, [photos], out, save=["panoptic"])
    boxes = {
        "cascade__masks": False,
        "cascade__hybrid__interleaved": False,
        "cascade__hybrid__mask_flow": False,
    }
    with pytest.raises(UsageError, match="U04: save masks"):
        predict_files(model(**boxes), [photos], out, save=["masks"])
    with pytest.raises(DataError, match="D01"):
        predict_files(predictor, [tmp_path / "gone.png"], out)
    with pytest.raises(UsageError, match="U02: unknown option"):
        predict_files(predictor, [photos], out, scor=0.5)  # type: ignore[call-arg]
    assert not out.exists()


def film(path: Path) -> Path:
    """A video of five frames, the last ones red."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
        for number in range(5):
            pixels = np.zeros((64, 80, 3), np.uint8)
            pixels[10:40, 10:30, 0] = 60 * number
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_members_and_frames_have_results_as_files_have(
    predictor: Predictor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("scans.zip", "w") as archive:
        archive.write(photos / "0.png", "deep/0.png")
        archive.writestr("bad.png", b"no image")
    film(Path("film.mp4"))
    (photos / "notes.txt").write_text("x")
    found = find_sources(["scans.zip", "film.mp4", "photos"], every=2, frames=2)
    said: list[str] = []
    seen: list[Any] = []
    report = predict_files(
        predictor,
        found,
        "out",
        max_dets=2,
        save=["coco", "masks", "overlay"],
        say=said.append,
        on_image=lambda outcome, *_: seen.append(outcome),
    )
    assert isinstance(report, BatchReport)
    assert (report.images, report.left_out) == (7, {".txt": 1})
    assert list(report.unreadable) == ["scans.zip/bad.png"]
    assert said[0] == "left out: 1 .txt"
    assert any("scans.zip/bad.png is a text file" in line for line in said)
    stems = ["deep/0", "film-000000", "film-000002", "0", "1", "2", "3"]
    overlays = [f"overlay/{stem}.jpg" for stem in stems]
    written = {path.relative_to("out").as_posix() for path in Path("out/overlay").rglob("*.jpg")}
    assert written == set(overlays)
    content = json.loads(Path("out/predictions.json").read_text())
    names = ["scans.zip/deep/0.png", "film.mp4#000000", "film.mp4#000002"]
    names += [f"photos/{number}.png" for number in range(4)]
    assert [image["file_name"] for image in content["images"]] == names
    for image, stem, overlay in zip(content["images"], stems, overlays, strict=True):
        assert image["files"] == [f"masks/{stem}.png", f"masks/{stem}.json", overlay]
    moments = [(image.get("frame"), image.get("time")) for image in content["images"]]
    assert moments == [(None, None), (0, 0.0), (2, 0.2), *[(None, None)] * 4]
    assert seen[3].to_json()["time"] == 0.2 and "time" not in seen[0].to_json()
    assert json.loads(Path("out/masks/film-000002.json").read_text())["file"] == "film.mp4#000002"
    objects = [[o["bbox"] for o in content["annotations"] if o["image_id"] == n] for n in (1, 4)]
    assert objects[0] == objects[1]  # the same picture, in the archive and in the folder


def test_a_stopped_run_over_members_and_frames_goes_on(
    predictor: Predictor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def pack(*numbers: int) -> None:
        with zipfile.ZipFile("scans.zip", "w") as archive:
            for row, number in enumerate(numbers):
                archive.write(photos / f"{number}.png", f"{row}.png")
            archive.writestr("bad.png", b"no image")  # keeps the journal

    pack(0, 1)
    film(Path("film.mp4"))
    stored = ImageBytes("slice", (photos / "3.png").read_bytes())
    sources = ["scans.zip", "film.mp4", stored]
    seen: list[str] = []

    def run() -> int:
        seen.clear()
        report = predict_files(
            predictor,
            sources,
            "out",
            max_dets=2,
            save=["coco"],
            resume=True,
            say=lambda _: None,
            on_image=lambda outcome, *_: seen.append(str(outcome.source)),
        )
        assert report.images == 8
        return report.kept

    assert run() == 0
    assert run() == 8 and seen == ["scans.zip/bad.png"]
    pack(0, 2)  # one member is another one now
    assert run() == 7 and seen == ["scans.zip/1.png", "scans.zip/bad.png"]
    os.utime("film.mp4", (0, 0))
    assert run() == 3 and len(seen) == 6


def test_frames_of_a_camera_are_taken_once(predictor: Predictor, tmp_path: Path) -> None:
    live = Found([], containers=(Camera.__new__(Camera),))
    with pytest.raises(UsageError, match="U04: --resume: the frames of a camera"):
        predict_files(predictor, live, tmp_path / "out", resume=True)
