"""Files of ``relook predict``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from relook.cli.outputs import Writer, number_objects
from relook.data.coco import Category
from relook.errors import RelookError
from relook.ops.run_lengths import encode_mask
from relook.results import Result

CLASSES = (Category(5, "cell"),)


def result(source: str | None = "in/a.png", num: int = 2) -> Result:
    """Two overlapping objects, the better one first."""
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 2:12, 3:13] = True
    masks[1, 8:18, 8:28] = True
    return Result(
        boxes=np.array([[3, 2, 13, 12], [8, 8, 28, 18]], np.float32)[:num],
        scores=np.array([0.9, 0.4], np.float32)[:num],
        labels=np.zeros(num, np.int64),
        masks=tuple(encode_mask(mask) for mask in masks[:num]),
        size=(20, 30),
        classes=CLASSES,
        image=np.full((20, 30, 3), 90, np.uint8),
        source=source,
    )


def test_the_better_object_stays_on_top() -> None:
    numbers = number_objects(result())
    assert numbers.dtype == np.uint16
    assert (numbers[2:12, 3:13] == 1).all()
    assert (numbers == 2).sum() == 10 * 20 - 4 * 5
    assert numbers[0, 0] == 0
    assert not number_objects(result(num=0)).any()


def test_pictures_of_one_name(tmp_path: Path) -> None:
    with Writer(tmp_path, ["overlay"], CLASSES, 0.3) as writer:
        for source in ("x/a.png", "y/A.jpg", "y/a-2.jpg", "a.png", None, None):
            writer.add(result(source))
    names = sorted(p.name for p in (tmp_path / "overlay").iterdir())
    assert len({name.casefold() for name in names}) == 6
    assert {"a.jpg", "A-2.jpg", "a-2-2.jpg", "a-3.jpg", "image.jpg", "image-2.jpg"} == set(names)


def test_no_objects_and_no_images(tmp_path: Path) -> None:
    with Writer(tmp_path, ["overlay", "coco", "masks"], CLASSES, 0.3) as writer:
        writer.add(result(num=0))
    coco = json.loads((tmp_path / "predictions.json").read_text())
    assert coco["annotations"] == []
    assert len(coco["images"]) == 1
    assert json.loads((tmp_path / "masks" / "a.json").read_text())["objects"] == []
    with Writer(tmp_path / "none", ["coco"], CLASSES, 0.3):
        pass
    assert json.loads((tmp_path / "none" / "predictions.json").read_text())["images"] == []


def test_nothing_asked_for_leaves_nothing(tmp_path: Path) -> None:
    with Writer(tmp_path / "out", [], CLASSES, 0.3) as writer:
        writer.add(result())
    assert not (tmp_path / "out").exists()


def test_what_was_found_is_kept_when_the_work_breaks_off(tmp_path: Path) -> None:
    def work() -> None:
        with Writer(tmp_path, ["coco"], CLASSES, 0.3) as writer:
            writer.add(result())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert len(json.loads((tmp_path / "predictions.json").read_text())["annotations"]) == 2


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with (
        pytest.raises(RelookError, match="R02"),
        Writer(tmp_path / "out", ["coco", "overlay"], CLASSES, 0.3) as writer,
    ):
        writer.add(result())
