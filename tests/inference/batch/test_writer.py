"""Files of ``relook predict``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.data.coco.reader import Category
from relook.errors import RelookError
from relook.inference.batch.writer import Writer, folders_of, output_names, stored_files
from relook.inference.results import Result
from relook.inference.writers.kinds import files_of
from relook.inference.writers.labels import label_image
from relook.inference.writers.options import SaveOptions
from relook.ops.rle import encode_mask

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
    numbers = label_image(result())
    assert numbers.dtype == np.uint16
    assert (numbers[2:12, 3:13] == 1).all()
    assert (numbers == 2).sum() == 10 * 20 - 4 * 5
    assert numbers[0, 0] == 0
    assert not label_image(result(num=0)).any()


def test_pictures_of_one_name() -> None:
    names = output_names(["x/a.png", "y/A.jpg", "y/a-2.jpg", "a.png"])
    assert list(names.values()) == ["a", "A-2", "a-2-2", "a-3"]
    assert len({name.casefold() for name in names.values()}) == 4


def test_a_name_does_not_depend_on_what_comes_later() -> None:
    sources = [f"{folder}/a.png" for folder in range(5)]
    names = output_names(sources)
    for num in range(6):
        assert output_names(sources[:num]) == {s: names[s] for s in sources[:num]}


@pytest.mark.parametrize("kinds", [["overlay"], ["masks"], ["coco", "masks", "overlay"], ["coco"]])
def test_the_files_of_an_image(tmp_path: Path, kinds: list[str]) -> None:
    Writer(tmp_path, kinds).write(result(num=0), "a")
    written = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(written) == sorted(files_of("a", kinds))
    if "masks" in kinds:
        assert json.loads((tmp_path / "masks" / "a.json").read_text())["objects"] == []


@pytest.mark.parametrize(
    "kind", ["labels", "rois", "geojson", "gpkg", "yolo", "labelme", "crops", "overlay", "masks"]
)
def test_every_kind_of_an_image_is_written_and_known_by_name(tmp_path: Path, kind: str) -> None:
    Writer(tmp_path, [kind]).write(result(), "a")
    assert all((tmp_path / file).is_file() for file in files_of("a", [kind]))
    assert not list(tmp_path.rglob("*.tmp"))


def test_records_hold_what_the_files_of_all_images_need(tmp_path: Path) -> None:
    samples = np.arange(600, dtype=np.uint16).reshape(20, 30, 1)
    writer = Writer(tmp_path, ["csv", "counts"], SaveOptions(pixel_size=(2.0, 2.0)))
    assert writer.reads_samples
    record = writer.write(
        result(), "a", lambda top, left, h, w: samples[top : top + h, left : left + w]
    )
    assert record["table"]["area"] == [100, 200]
    assert record["table"]["area_um2"] == [400.0, 800.0]
    assert record["table"]["min_c0"][0] == samples[2, 3, 0]
    (row,) = record["counts"]
    assert (row["count"], row["area"]) == (2, 100 + 200 - 20)
    assert json.loads(json.dumps(record)) == record


def test_folders_of_drafts_are_those_of_the_kinds() -> None:
    assert folders_of(["rois", "coco", "crops"]) == {"", "rois", "."}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(RelookError, match="R02"):
        Writer(tmp_path / "out", ["overlay"]).write(result(), "a")


def test_an_overlay_has_words_unless_they_are_off(tmp_path: Path) -> None:
    pictures = {}
    for labels in ("auto", "off"):
        options = SaveOptions(labels=labels)  # type: ignore[arg-type]
        Writer(tmp_path / labels, ["overlay"], options).write(result(), "a")
        pictures[labels] = np.asarray(Image.open(tmp_path / labels / "overlay" / "a.jpg")).astype(
            int
        )
    bare = np.asarray(result().draw(text=False, legend=False)).astype(int)
    assert np.abs(pictures["off"] - bare).max() < 40  # of JPEG
    assert np.abs(pictures["auto"] - bare).max() > 100


def test_folders_of_images_are_mirrored(tmp_path: Path) -> None:
    images = [tmp_path / "a" / "x.png", tmp_path / "b" / "c" / "x.png", tmp_path / "x.png"]
    names = output_names([*images, Path("/elsewhere/x.png")], tmp_path)
    assert list(names.values()) == ["a/x", "b/c/x", "x", "x-2"]
    assert list(output_names([tmp_path / "A" / "x.png", *images[:1]], tmp_path).values()) == [
        "A/x",
        "a/x-2",  # some file systems do not tell a from A
    ]


def test_drafts_are_looked_for_in_mirrored_folders_too() -> None:
    assert folders_of(["masks", "coco"], ["a/x", "y"]) == {"", ".", "masks", "masks/a"}


def test_a_record_names_the_files_of_its_image(tmp_path: Path) -> None:
    record = Writer(tmp_path, ["overlay", "coco", "labelme"]).write(result(), "a/x")
    assert record["files"] == ["labelme/a/x.json", "overlay/a/x.jpg"]
    assert "files" not in Writer(tmp_path, ["coco"]).write(result(), "a/x")
    (tmp_path / "masks").mkdir()
    for file in ("y.tif", "y.json"):
        (tmp_path / "masks" / file).touch()
    assert stored_files(tmp_path, "y", ["masks"]) == ["masks/y.tif", "masks/y.json"]
