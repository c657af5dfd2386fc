"""Large images opened, and their results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relook.data.images import open_image
from relook.errors import DataError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.tiles import large as large_module
from relook.inference.tiles.large import LargeImage
from relook.inference.tiles.work import TileWork

from .conftest import lattice


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
    size = (70_000, 70_000)
    tiling = TileWork(spots, PredictOptions(score=0.5)).tiling
    grid = tiling.grid(size)
    assert grid is not None
    with pytest.raises(DataError, match="4,294,967,295"):
        LargeImage(open_image(lattice(60, 60)), grid, "huge.tif")
