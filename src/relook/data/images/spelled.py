"""A reading as it is written in a command: ``--channels 0,1,2``, ``--intensities 0:4095``."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...structures.rules.reading import Bounds, Reading


def parse_reading(
    channels: str | None = None,
    page: int | None = None,
    z: str | None = None,
    intensities: str | None = None,
) -> Reading:
    """The reading that options ask for; what is None stays open.

    `channels` are numbers with commas. `z` is max, mean or a number. `intensities` is auto,
    percentiles, percentiles=LOW:HIGH, data, or LOW:HIGH in values of the image, with commas where
    each channel has its own.

    Raises:
        UsageError: U03 for text that is none of this.
    """
    try:
        return Reading(
            channels=None if channels is None else _channels(channels),
            page=page,
            z=None if z is None else _z(z),
            **_mapping(intensities),
        )
    except ValueError as error:
        raise UsageError("U03", f"reading: {error}") from None


def _channels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            "U03", f"--channels {text}: expected numbers from 0 with commas, as in 0,1,2"
        ) from None


def _z(text: str) -> Any:
    if text in ("max", "mean"):
        return text
    if text.isdecimal():
        return int(text)
    raise UsageError("U03", f"--z {text}: expected max, mean, or the number of a plane from 0")


def _mapping(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text in ("auto", "percentiles", "data"):
        return {"intensities": text}
    name, equals, value = text.partition("=")
    if name == "percentiles" and equals:
        return {"intensities": "percentiles", "percentiles": _pair(text, value)}
    pairs = tuple(_pair(text, part) for part in text.split(","))
    return {"intensities": "bounds", "bounds": pairs}


def _pair(text: str, part: str) -> Bounds:
    low, colon, high = part.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            "U03",
            f"--intensities {text}: expected auto, percentiles, percentiles=1:99.8, data, or "
            "values such as 0:4095",
        ) from None
