"""Large images that several processes predict together: here threads that share one store."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.errors import DataError
from relook.inference.batch import jointly, run
from relook.inference.batch.jointly import JointWork, tiled_images
from relook.inference.batch.run import predict_files
from relook.inference.batch.shares import OwnStore, Shares
from relook.inference.batch.writer import has_file
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable
from relook.inference.results import Result
from relook.inference.tiles import large

from ..tiles.conftest import lattice, spots

__all__ = ["spots"]
OPTIONS = PredictOptions(score=0.5, batch_size=2)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, side in zip(paths, (100, 200, 260), strict=True):
        Image.fromarray(lattice(side, side)).save(path)
    return paths


def test_images_that_are_cut_are_told_by_their_headers(
    spots: Predictor, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert tiled_images([*images, tmp_path / "broken.png"], spots, OPTIONS) == images[1:]
    assert tiled_images(images, spots, OPTIONS.with_(tile="off")) == []


def test_processes_share_the_tiles_and_one_of_them_has_the_result(
    spots: Predictor, images: list[Path], tmp_path: Path
) -> None:
    alone = spots.predict(images[1:], OPTIONS)
    store, found, tiles = OwnStore(), [], []

    def work(rank: int) -> None:
        joint = JointWork(spots, OPTIONS, images[1:], tmp_path / "tiles", Shares(store, 3), rank)
        found.extend(joint.outcomes(lambda _, done, total: tiles.append((done, total))))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    by_source = {one.source: one for one in found}
    for path, expected in zip(images[1:], alone, strict=True):
        one = by_source[str(path)]
        assert isinstance(one, Result) and one.masks == expected.masks
        assert (one.boxes == expected.boxes).all() and one.image is not None
    totals = {total for _, total in tiles}
    assert sorted(tiles) == sorted((n, total) for total in totals for n in range(1, total + 1))
    assert list((tmp_path / "tiles").iterdir()) == []


def test_an_image_that_cannot_be_read_is_one_outcome(
    spots: Predictor, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, reading: object) -> None:
        raise DataError("D02", f"{path} is broken")

    monkeypatch.setattr(jointly, "open_image", broken)
    joint = JointWork(spots, OPTIONS, images[1:2], tmp_path / "tiles", Shares(OwnStore()), 0)
    (one,) = joint.outcomes()
    assert isinstance(one, Unreadable) and one.source == images[1]
    assert "1.png is broken" in str(one.error)


def test_an_image_that_has_shrunk_meanwhile_is_told(
    spots: Predictor, images: list[Path], tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((50, 50, 3), dtype=np.uint8)).save(images[1])
    joint = JointWork(spots, OPTIONS, images[1:2], tmp_path / "tiles", Shares(OwnStore()), 0)
    (one,) = joint.outcomes()
    assert isinstance(one, Unreadable) and "has changed during the run" in str(one.error)


def test_a_run_of_several_processes_takes_its_large_images_together(
    spots: Predictor, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined: list[list[Path]] = []

    class Watched(JointWork):
        def __init__(self, *arguments: Any) -> None:
            joined.append(list(arguments[2]))
            super().__init__(*arguments)

    monkeypatch.setattr(run, "JointWork", Watched)
    monkeypatch.setattr(run, "world_size", lambda: 2)  # whose other process has nothing to do
    out = tmp_path / "out"
    report = predict_files(spots, images, out, OPTIONS, save=["coco"])
    assert joined == [images[1:]]
    alone = predict_files(spots, images, None, OPTIONS)
    assert report.images == 3 and report.objects == alone.objects > 100
    rows = json.loads((out / "predictions.json").read_text())
    assert [Path(row["file_name"]) for row in rows["images"]] == images
    assert names_in(out) == ["predictions.json"]


def test_files_of_a_large_image_are_an_overview_and_a_tiff(
    spots: Predictor, images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "WHOLE", 50_000)
    out = tmp_path / "out"
    predict_files(spots, images[1:], out, OPTIONS, save=["masks", "overlay"])
    assert names_in(out) == [
        *("masks/1.json", "masks/1.png", "masks/2.json", "masks/2.tif"),
        *("overlay/1.jpg", "overlay/2.jpg"),
    ]
    objects = json.loads((out / "masks" / "2.json").read_text())["objects"]
    numbers = tifffile.imread(out / "masks" / "2.tif")
    assert numbers.shape == (260, 260) and numbers.max() == len(objects) == 81
    assert objects[0]["visible_pixels"] == (numbers == 1).sum() > 0
    assert has_file(out, "masks/2.png") and not has_file(out, "overlay/3.jpg")


def names_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
