"""Large images that several processes predict together: here threads that share one store."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.errors import DataError
from relook.inference.batch import jointly
from relook.inference.batch.jointly import JointWork, tiled_images
from relook.inference.batch.shares import OwnStore, Shares
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable
from relook.inference.results import Result

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
        found.extend(joint.outcomes(lambda large, done, total: tiles.append((done, total))))

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
    def broken(path: Path) -> None:
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
