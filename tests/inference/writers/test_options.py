"""Options of what is saved."""

from __future__ import annotations

import pytest

from relook.errors import UsageError
from relook.inference.writers.options import SaveOptions, parse_pixel_size


def test_values_of_options_make_sense() -> None:
    for values in ({"pixel_size": (0.0, 1.0)}, {"simplify": -1.0}, {"simplify": float("nan")}):
        with pytest.raises(UsageError, match="U03"):
            SaveOptions(**values)  # type: ignore[arg-type]
    assert SaveOptions(pixel_size=(0.5, 0.25)).record() == {
        "pixel_size": [0.5, 0.25],
        "simplify": 0.0,
        "labels": "auto",
    }


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
    assert parse_pixel_size(text) == pytest.approx(size)


@pytest.mark.parametrize("text", ["0.25", "um", "1..2um", "0.25 inch", "1x2x3um", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="U03: --pixel-size"):
        parse_pixel_size(text)


def test_no_size_is_said() -> None:
    assert parse_pixel_size(None) is None
