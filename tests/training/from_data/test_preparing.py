"""A run folder with the data of a training: what is split, converted, kept and removed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from relook.data import formats, splits
from relook.data.formats import Conversion
from relook.data.splits import Split
from relook.errors import DataError, RelookError, UsageError
from relook.training.from_data.preparing import (
    DataRequest,
    PreparedRun,
    discarded_on_failure,
    prepare_run,
)
from relook.training.run_folder import RunFolder
from relook.training.start.choosing import ChosenStart

from ...conftest import write_dataset

START = ChosenStart("htc-tiny", None, "Start: as the test says.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images with a rectangle each; the first is the validation of every split."""
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "set", [[(5, 5, 20, 20)]] * 4)

    def split_images(index: Any, images: Path, **options: Any) -> Split:
        ids = [image.id for image in index.images]
        assert options == {"val": 0.2, "seed": 3} and images.is_dir()
        return Split(train=tuple(ids[1:]), val=tuple(ids[:1]), test=(), lines=("by the test",))

    monkeypatch.setattr(splits, "split_images", split_images)
    return Path("set")


def _prepare(
    source: Path, out: Path | None = None, *, go_on: bool = False, **said: Any
) -> PreparedRun:
    def choose(classes: Sequence[str], has_masks: bool) -> ChosenStart:
        assert has_masks and len(classes) == 1
        return START

    return prepare_run(DataRequest(source=source, seed=3, **said), choose, out=out, go_on=go_on)


def _ids(path: Path) -> list[int]:
    return [image["id"] for image in json.loads(path.read_text())["images"]]


def test_a_split_is_made_stored_and_said(folder: Path) -> None:
    prepared = _prepare(folder)
    assert prepared.run.path == Path("runs/set")
    train, val = prepared.data["train_json"], prepared.data["val_json"]
    assert train.parent == val.parent == Path("runs/set/data")
    assert (_ids(train), _ids(val)) == ([2, 3, 4], [1])
    assert prepared.data["train_images"] == prepared.data["val_images"] == Path("set/images")
    text = "\n".join(prepared.lines)
    assert "Validation: 1 of 4 images, split off" in text and str(val) in text
    assert "Split: by the test" in text and START.line in text
    assert _prepare(folder).run.path == Path("runs/set-2")


def test_validation_that_is_said_or_there_is_taken(folder: Path) -> None:
    said = _prepare(folder, Path("a"), val_json=Path("v.json"), val_images=Path("v"))
    assert (said.data["val_json"], said.data["val_images"]) == (Path("v.json"), Path("v"))
    assert said.data["train_json"] == Path("set/instances.json")
    assert not (Path("a") / "data").exists()
    shutil.move("set/instances.json", "set/train.json")
    shutil.copy("set/train.json", "set/val.json")
    there = _prepare(folder, Path("b"))
    assert there.data["val_json"] == Path("set/val.json")


def test_too_few_images_are_not_split(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = Split(train=(1, 2, 3, 4), val=(), test=(), lines=("too few",))
    monkeypatch.setattr(splits, "split_images", lambda *_, **__: none)
    prepared = _prepare(folder)
    assert "val_json" not in prepared.data
    assert "Validation: none, because 4 images cannot be split." in "\n".join(prepared.lines)

    def refuse(*_: Any, **__: Any) -> Split:
        raise DataError("D11", "one group cannot be dealt out.")

    monkeypatch.setattr(splits, "split_images", refuse)
    text = "\n".join(_prepare(folder).lines)
    assert "Validation: none, because one group cannot be dealt out. --val-json" in text


def test_converted_annotations_are_kept_in_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(path: Path, out: Path, **_: Any) -> Conversion:
        out.parent.mkdir(exist_ok=True)
        shutil.copyfile(path / "instances.json", out)
        return Conversion(json=out, images=path / "images", lines=())

    shutil.move("set", "other")
    Path("set").mkdir()
    monkeypatch.setattr(formats, "recognised", lambda path: "voc")
    monkeypatch.setattr(
        formats, "convert", lambda path, out, **more: convert(Path("other"), out, **more)
    )
    prepared = _prepare(folder)
    assert _ids(Path("runs/set/data/annotations.json")) == [1, 2, 3, 4]
    assert _ids(prepared.data["train_json"]) == [2, 3, 4]


def test_what_cannot_be_read_leaves_no_run_folder(folder: Path) -> None:
    path = folder / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["category_id"] = 99
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="D07"):
        _prepare(folder)
    assert not Path("runs").exists()


def test_a_failure_before_the_settings_removes_the_folder(folder: Path) -> None:
    prepared = _prepare(folder)
    with pytest.raises(UsageError), discarded_on_failure(prepared.run):
        raise UsageError("U03", "no")
    assert not prepared.run.path.exists()
    again = _prepare(folder)
    again.run.config.write_text("")
    with pytest.raises(UsageError), discarded_on_failure(again.run):
        raise UsageError("U03", "no")
    assert (again.run.path / "data" / "val.json").is_file()
    other = RunFolder(Path("mine"))
    other.path.mkdir()
    (other.path / "notes.txt").touch()
    with pytest.raises(UsageError), discarded_on_failure(other):
        raise UsageError("U03", "no")
    assert (other.path / "notes.txt").is_file()


def test_a_run_that_goes_on_has_the_data_it_began_with(folder: Path) -> None:
    began = _prepare(folder, Path("a"))
    began.run.config.touch()
    began.run.last.touch()
    again = _prepare(folder, Path("a"), go_on=True)
    assert again.run == began.run and again.data == began.data
    path = folder / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][-1]["bbox"][2] -= 1
    path.write_text(json.dumps(content))
    with pytest.raises(RelookError, match=r"R06.*annotations have changed since the run began"):
        _prepare(folder, Path("a"), go_on=True)
    assert began.run.config.exists()


def test_data_of_a_run_killed_before_it_had_settings_is_made_anew(folder: Path) -> None:
    shutil.rmtree(_prepare(folder, Path("a")).run.path / "data")
    (Path("a") / "data").mkdir()
    (Path("a") / "data" / "train.json").write_text("half")
    assert _ids(_prepare(folder, Path("a")).data["train_json"]) == [2, 3, 4]
