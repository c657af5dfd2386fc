"""Large images predicted in tiles, from pixels to results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.images.opened import Opened
from relook.errors import DataError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Prepared, Unreadable
from relook.inference.tiles.large import LargeImage
from relook.inference.tiles.work import TileWork

from .conftest import lattice


def windows_of(result: Any) -> np.ndarray[Any, Any]:
    return np.any(result.dense_masks(), axis=0)


def test_a_large_image_is_found_as_its_parts_are(spots: Predictor) -> None:
    picture = lattice(200, 260)
    exact = spots.predict(picture, tile=96)  # pixels of the input: nothing is resized
    assert len(exact) == 7 * 9
    assert (windows_of(exact) == (picture[:, :, 0] > 100)).all()
    spots.detector.sizes.clear()  # type: ignore[operator, union-attr]
    result = spots.predict(picture)
    assert len(result) == 7 * 9
    assert result.size == (200, 260) and result.names == ["spot"] * 63
    assert result.image is not None and (result.image == picture).all()
    assert set(spots.detector.sizes) == {(64, 64)}  # type: ignore[union-attr]


def test_a_diameter_goes_with_tiles(spots: Predictor) -> None:
    picture = lattice(200, 260)
    assert spots.sizes is not None
    across = spots.sizes.median
    for options in (PredictOptions(diameter=across), PredictOptions(diameter=across, tile=64)):
        result = spots.predict(picture, options)
        assert result.scale is not None and result.scale.factor == 1
        assert "network input of a tile" in result.scale.basis
        assert len(result) == 7 * 9
    first_look = spots.predict(picture, diameter="auto")
    assert first_look.scale is not None and first_look.scale.diameter is None


def test_images_that_fit_never_meet_a_tile(spots: Predictor) -> None:
    pictures = [lattice(120, 128), lattice(100, 60)]
    for picture, result in zip(pictures, spots.predict(pictures), strict=True):
        off = spots.predict(picture, tile="off")
        assert result.masks == off.masks and (result.boxes == off.boxes).all()
    assert set(spots.detector.sizes) == {(120, 128), (100, 60)}  # type: ignore[union-attr]


def test_large_and_small_images_come_out_in_their_order(spots: Predictor) -> None:
    pictures = [lattice(60, 60), lattice(150, 150), lattice(70, 60), lattice(150, 200)]
    done: list[tuple[Any, int, int]] = []

    def on_tile(large: LargeImage, number: int, total: int) -> None:
        done.append((large.size, number, total))

    results = list(spots.outcomes(pictures, batch_size=2, on_tile=on_tile))
    assert [result.size for result in results] == [  # type: ignore[union-attr]
        (60, 60),
        (150, 150),
        (70, 60),
        (150, 200),
    ]
    assert [row for row in done if row[0] == (150, 150)] == [
        ((150, 150), number, 9) for number in range(1, 10)
    ]


def test_a_shrunk_image_is_told_once_in_a_run(spots: Predictor) -> None:
    said: list[str] = []
    pictures = [lattice(60, 60), lattice(150, 150), lattice(150, 200)]
    list(spots.outcomes(pictures, tile="off", say=said.append))
    assert len(said) == 1 and "the image: 150x150 pixels" in said[0]
    list(spots.outcomes(pictures, say=said.append))
    assert len(said) == 1


def test_a_part_that_cannot_be_read_makes_the_image_unreadable(
    spots: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(lattice(150, 150)).save(path)

    def broken(self: Opened, top: int, left: int, height: int, width: int) -> Any:
        raise DataError("D02", "a.png: a strip is broken")

    monkeypatch.setattr(Opened, "read_window", broken)
    good = lattice(60, 60)
    first, second = spots.outcomes([path, good])
    assert isinstance(first, Unreadable) and "a strip is broken" in str(first.error)
    assert first.source == str(path)
    assert not isinstance(second, Unreadable)


def test_warnings_look_at_prepared_images_only(spots: Predictor) -> None:
    said: list[str] = []
    work = TileWork(spots, PredictOptions(score=0.5, tile="off"), say=said.append)
    picture = lattice(300, 300)

    def images() -> Iterator[object]:
        yield Unreadable("gone.png", DataError("D01", "gone"))
        yield Prepared(picture, picture[:96, :96], "big.png", (96, 96))

    work.warn(images())
    assert len(said) == 1 and said[0].startswith("big.png: ")
