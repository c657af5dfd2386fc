"""Large images predicted in tiles, from pixels to results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.errors import DataError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Prepared, Unreadable
from relook.inference.tiles import large as large_module
from relook.inference.tiles.large import LargeImage
from relook.inference.tiles.windows import ArrayWindows
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


def test_batches_of_tiles_change_nothing(spots: Predictor) -> None:
    picture = lattice(200, 260)
    alone, together = spots.predict(picture), spots.predict(picture, batch_size=5)
    assert alone.masks == together.masks
    assert (alone.boxes == together.boxes).all()


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


def test_the_cap_on_objects_is_that_of_the_image(spots: Predictor) -> None:
    picture = lattice(200, 260)
    assert len(spots.predict(picture, max_dets=5)) == 5
    assert set(spots.detector.asked) == {None}  # type: ignore[union-attr]
    spots.predict(picture, max_dets=5000)
    assert set(spots.detector.asked) == {None, 5000}  # type: ignore[union-attr]


def test_objects_below_the_score_are_left_out(spots: Predictor) -> None:
    assert len(spots.predict(lattice(200, 260), score=0.95)) == 0


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

    def broken(self: ArrayWindows, top: int, left: int, height: int, width: int) -> Any:
        raise DataError("D02", "a.png: a strip is broken")

    monkeypatch.setattr(ArrayWindows, "read_window", broken)
    good = lattice(60, 60)
    first, second = spots.outcomes([path, good])
    assert isinstance(first, Unreadable) and "a strip is broken" in str(first.error)
    assert first.source == str(path)
    assert not isinstance(second, Unreadable)


def test_an_image_too_large_to_keep_has_an_overview(
    spots: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_module, "WHOLE", 10_000)
    monkeypatch.setattr(large_module, "read_overview", overview_of_half)
    result = spots.predict(lattice(200, 260))
    assert result.image is None and result.overview is not None
    assert result.overview.shape == (100, 130, 3)
    assert len(result.filter(0.5, 3)) == 3 and result.filter(0.5, 3).overview is not None
    drawn = np.asarray(result.draw())
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(200 / 260, rel=0.02)
    assert (drawn.max(axis=2).astype(int) - drawn.min(axis=2) > 60).mean() > 0.05  # coloured


def overview_of_half(opened: Any) -> Any:
    from relook.inference.tiles.overview import read_overview

    return read_overview(opened, longest=130)


def test_more_pixels_than_codes_can_count_are_refused(spots: Predictor) -> None:
    class Huge(ArrayWindows):
        size = (70_000, 70_000)

    tiling = TileWork.of(spots, PredictOptions(score=0.5)).tiling
    grid = tiling.grid(Huge.size)
    assert grid is not None
    with pytest.raises(DataError, match="4,294,967,295"):
        LargeImage(Huge(lattice(60, 60)), grid, "huge.tif")


def test_warnings_look_at_prepared_images_only(spots: Predictor) -> None:
    said: list[str] = []
    work = TileWork.of(spots, PredictOptions(score=0.5, tile="off"), say=said.append)
    picture = lattice(300, 300)

    def images() -> Iterator[object]:
        yield Unreadable("gone.png", DataError("D01", "gone"))
        yield Prepared(picture, picture[:96, :96], "big.png")

    work.warn(images())
    assert len(said) == 1 and said[0].startswith("big.png: ")
