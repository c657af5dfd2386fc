from __future__ import annotations

import numpy as np

from relook.data.images.shown import as_picture


def test_any_number_of_channels_becomes_a_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)
    assert as_picture(pixels[:, :, :3]) is not None
    np.testing.assert_array_equal(as_picture(pixels), pixels[:, :, :3])
    two = as_picture(pixels[:, :, :2])
    np.testing.assert_array_equal(two[:, :, :2], pixels[:, :, :2])
    assert not two[:, :, 2].any()
