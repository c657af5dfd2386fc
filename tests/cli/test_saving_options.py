"""Options of what is saved."""

from __future__ import annotations

import pytest

from relook.cli.saving_options import kinds_of, pixel_size_of
from relook.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0.25um", (0.25, 0.25)),
        ("0.5x0.25 µm", (0.5, 0.25)),
        ("120nm", (0.12, 0.12)),
        ("1e-3mm", (1.0, 1.0)),
        ("0.1m", (1e5, 1e5)),
    ],
)
def test_sizes_of_pixels_have_units(text: str, size: tuple[float, float]) -> None:
    assert pixel_size_of(text) == pytest.approx(size)


@pytest.mark.parametrize("text", ["0.25", "um", "1..2um", "0.25 inch", "1x2x3um", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="U03: --pixel-size"):
        pixel_size_of(text)


def test_kinds_have_defaults() -> None:
    assert pixel_size_of(None) is None
    assert kinds_of(None, nothing=True, panoptic=False) == ()
    assert kinds_of(None, nothing=False, panoptic=False) == ("coco", "overlay")
    assert kinds_of(None, nothing=False, panoptic=True) == ("overlay", "panoptic")
    assert kinds_of("rois, csv", nothing=False, panoptic=False) == ("csv", "rois")
