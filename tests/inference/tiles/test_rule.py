"""Which images are cut into tiles, and into which."""

from __future__ import annotations

import pytest

from relook.errors import UsageError
from relook.inference.options import PanopticRequest, PredictOptions
from relook.inference.tiles.grid import Grid
from relook.inference.tiles.rule import KnownSizes, Tiling, parse_choice
from relook.structures.object_sizes import ObjectSizes

SIZES = KnownSizes(small=12.0, largest=150.0)
OBJECTS = ObjectSizes((12.0, 20.0, 30.0, 50.0, 75.0), (12.0, 75.0), 9, "masks")
LIMITS = (960, 640)


def test_an_image_is_tiled_where_it_is_shrunk_to_less_than_half_of_the_scale_of_tiles() -> None:
    tiling = Tiling("auto", LIMITS, SIZES)
    assert (tiling.side, tiling.overlap) == (427, 106)
    assert tiling.grid((853, 853)) is None  # 640 / 853 is 0.7503
    assert tiling.grid((854, 854)) == Grid((854, 854), 427, 106)
    assert tiling.tile_limits((427, 427)) == (640, 640)
    assert tiling.tile_limits((100, 427)) == (640, 150)


def test_tiles_share_the_largest_object() -> None:
    assert Tiling("auto", LIMITS, KnownSizes(12.0, 240.0)).overlap == 165  # 240 / 640 * 427 + 4
    assert Tiling(300, LIMITS, KnownSizes(12.0, 500.0)).overlap == 150  # half of it, and no more
    assert Tiling(300, LIMITS).overlap == 75


@pytest.mark.parametrize("sizes", [None, KnownSizes(12.0, 500.0)])
def test_nothing_is_tiled_by_itself_where_objects_may_not_fit(sizes: KnownSizes | None) -> None:
    tiling = Tiling("auto", LIMITS, sizes)
    assert tiling.grid((6000, 6000)) is None
    assert "--tile 427" in str(tiling.warning("big.tif", (6000, 6000)))
    assert Tiling(427, LIMITS, sizes).grid((6000, 6000)) is not None


def test_a_shrunk_image_that_is_not_tiled_is_warned_of() -> None:
    tiling = Tiling("off", LIMITS, SIZES)
    warning = tiling.warning("big.tif", (6000, 6000))
    assert warning is not None
    assert "big.tif: 6000x6000 pixels are seen at 0.11 of their size" in warning
    assert "12 pixels or more" in warning and "--tile auto" in warning
    assert tiling.warning("small.tif", (600, 600)) is None
    assert Tiling("auto", LIMITS, SIZES).warning("big.tif", (6000, 6000)) is None


def test_tiles_that_are_too_large_are_warned_of_with_a_side_that_helps() -> None:
    alone = Tiling(2000, LIMITS, SIZES).warning("big.tif", (2000, 2000))
    assert alone is not None and "--tile 427 " in alone and "2000x2000 pixels are" in alone
    several = Tiling(2000, LIMITS, SIZES).warning("big.tif", (6000, 6000))
    assert several is not None and "--tile 427 " in several
    assert "tiles of 2000 pixels are seen at 0.32 of their size" in several
    assert Tiling(600, LIMITS, SIZES).warning("big.tif", (6000, 6000)) is None


def test_the_input_of_a_tile_is_bounded_for_any_diameter() -> None:
    small = Tiling.of(PredictOptions(diameter=1.0, tile=512), LIMITS, OBJECTS)
    height, width = small.tile_limits((512, 512))
    assert 0.99 < height * width / (4 * 960 * 640) <= 1.01
    assert "limited, 30 is wanted" in str(small.fixed_scale[1])
    assert "tiles smaller" in str(small.fixed_scale[1])
    tiny = Tiling.of(PredictOptions(diameter=1.0), LIMITS, OBJECTS)
    assert (tiny.side, tiny.scale) == (64, 10.0)
    large = Tiling.of(PredictOptions(diameter=5000.0, tile=512), LIMITS, OBJECTS)
    assert large.tile_limits((512, 512)) == (32, 32)
    assert "at least 32 pixels" in str(large.fixed_scale[1])


def test_an_image_that_fits_one_tile_is_a_whole() -> None:
    assert Tiling(256, LIMITS).grid((256, 200)) is None
    assert Tiling(256, LIMITS).grid((256, 257)) is not None


def test_what_the_model_knows_are_the_outer_quantiles() -> None:
    assert KnownSizes.of(OBJECTS) == SIZES
    assert KnownSizes.of(None) is None


def test_a_diameter_is_the_scale_of_the_tiles() -> None:
    tiling = Tiling.of(PredictOptions(diameter=15.0), LIMITS, OBJECTS)
    assert (tiling.scale, tiling.side) == (2.0, 320)
    named = Tiling.of(PredictOptions(diameter=15.0, tile=100), LIMITS, OBJECTS)
    assert (named.scale, named.side, named.tile_limits((100, 90))) == (2.0, 100, (200, 180))
    assert Tiling.of(PredictOptions(diameter="auto"), LIMITS, OBJECTS).side == 427


def test_options_become_a_tiling() -> None:
    assert Tiling.of(PredictOptions(), LIMITS, OBJECTS) == Tiling("auto", LIMITS, SIZES)
    options = PredictOptions(size=(500, 400), tile=200)
    assert Tiling.of(options, LIMITS, OBJECTS) == Tiling(200, (500, 400), SIZES)
    panoptic = PredictOptions(panoptic=PanopticRequest(), tile="auto")
    tiling = Tiling.of(panoptic, LIMITS, OBJECTS)
    assert tiling.choice == "off"
    warning = str(tiling.warning("big.tif", (6000, 6000)))
    assert "whole images; --size changes" in warning and "--tile" not in warning


def test_choices_are_checked() -> None:
    assert parse_choice("auto") == "auto" and parse_choice("300") == 300
    for bad in ("on", "1.5"):
        with pytest.raises(UsageError, match="auto, off or a number"):
            parse_choice(bad)
    for number in (0, 63, -300):
        with pytest.raises(UsageError, match="at least 64"):
            PredictOptions(tile=number)
    with pytest.raises(UsageError, match="panoptic maps"):
        PredictOptions(tile=300, panoptic=PanopticRequest())
    assert PredictOptions().with_(tile="off").record()["tile"] == "off"
