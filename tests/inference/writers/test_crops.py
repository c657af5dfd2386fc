"""Pictures of single objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.errors import UsageError
from relook.inference.results import Result
from relook.inference.writers.crops import object_crops


def test_crops_show_the_object_and_its_margin(odd: Result, masks: list[NDArray[np.bool_]]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    crops = list(object_crops(replace(odd, image=image), margin=2))
    assert [crop.number for crop in crops] == [1, 2, 3]
    first = crops[0]
    assert first.image.size == (8, 8)  # a ring of 5 pixels at 1, 1, the margin cut at the border
    assert (np.asarray(first.image) == image[:8, :8]).all()
    cut_out = np.asarray(first.cut_out)
    assert ((cut_out[..., 3] == 255) == masks[0][:8, :8]).all()
    assert crops[2].image.size == (6, 5)


def test_without_an_image_there_are_no_crops(odd: Result) -> None:
    with pytest.raises(UsageError, match="U04"):
        list(object_crops(odd))
    with pytest.raises(UsageError, match="U03"):
        list(object_crops(odd, margin=-1))
