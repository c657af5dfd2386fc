"""Annotation files of a training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.data import formats
from relook.errors import DataError, UsageError
from relook.training.annotations import read_annotations
from relook.training.settings import Settings


def test_another_format_is_named_with_the_commands_that_take_it(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    val = small.data.val_json
    monkeypatch.setattr(formats, "recognised", lambda path: "via" if path == val else None)
    words = f"D04.*{val} is of the format via.*relook train.*relook data convert"
    with pytest.raises(DataError, match=words):
        read_annotations(small)


def test_annotation_files_are_read_as_the_settings_allow(small: Settings) -> None:
    path = small.data.train_json
    content = json.loads(path.read_text())
    for row in content["annotations"]:
        row["iscrowd"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"D11: .*All 7 annotations are marked iscrowd: 1, as CVAT"):
        read_annotations(small)
    allowed = small.with_(data__leniency__crowd="as-objects")
    assert read_annotations(allowed).train.num_objects == 7
    (small.data.train_images / "4.png").unlink()
    with pytest.raises(DataError, match=r"D01: .*1 of its 4 images"):
        read_annotations(allowed)
    annotations = read_annotations(allowed.with_(data__leniency__skip_missing=True))
    assert annotations.val is not None
    assert len(annotations.train.images) == len(annotations.val.images) == 3


def test_choices_about_objects_are_refused_for_panoptic_files(
    small: Settings, panoptic_blobs: Path
) -> None:
    data = {"data__train_json": panoptic_blobs, "data__leniency__ignore_unknown": True}
    with pytest.raises(UsageError, match=r"U04: .* is a panoptic file, and --ignore-unknown is"):
        read_annotations(small.with_(**data))
