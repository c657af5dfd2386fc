"""Choice of channels and pages: by a stated rule, or refused with the option that decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...errors import DataError, counted
from ...structures.rules.reading import Reading
from .info import Facts

_NARROW: Final = 4  # pixels, of pages that are rather channels
_NAMED: Final = 8  # channels that a message lists


def choose_channels(facts: Facts, reading: Reading, label: str) -> tuple[tuple[int, ...], str]:
    """The channels that are read, and words for people.

    Without a choice these are grey, or red, green and blue, where the file says which they are.

    Raises:
        DataError: D02 where the file does not say, or has no such channel.
    """
    if reading.channels is not None:
        missing = [number for number in reading.channels if number >= facts.channels]
        if missing:
            raise DataError(
                "D02",
                f"{label} has no channel {missing[0]}: it has "
                f"{counted(facts.channels, 'channel')} ({_listed(facts)}), numbered from 0. Choose "
                "others with --channels, as many as the model takes.",
            )
        names = [_named(facts, number) for number in reading.channels]
        word = "channel" if len(names) == 1 else "channels"
        return reading.channels, f"{word} {', '.join(names)} of {facts.channels}"
    if facts.colours is None:
        several = ", or three, such as --channels 0,1,2" if facts.channels > 2 else ""
        raise DataError(
            "D02",
            f"{label} has {facts.channels} channels ({_listed(facts)}), and the file does not say "
            f"that they are red, green and blue. Choose with --channels: one, such as --channels "
            f"{facts.channels - 1}{several} (in Python reading=relook.Reading(channels=(0,))).",
        )
    words = "grey" if len(facts.colours) == 1 or facts.axes == "YX" else "RGB"
    left_out = facts.channels - len(facts.colours)
    if left_out:
        extra = facts.extra or f"{left_out} more channels"
        words += f", {extra} left out"
    return facts.colours, words


def choose_page(pages: int, axes: str, shape: Sequence[int], reading: Reading, label: str) -> int:
    """The page, time point or picture that is read, of `pages`.

    Raises:
        DataError: D02 where there are several and none is chosen, or not so many.
    """
    if reading.page is not None:
        if reading.page >= pages:
            raise DataError(
                "D02",
                f"{label} has no page {reading.page}: it has {pages}, numbered from 0. Choose "
                "another one with --page.",
            )
        return reading.page
    if pages > 1:
        sizes = " x ".join(str(length) for length in shape)
        raise DataError(
            "D02",
            f"{label} has {pages} pages or time points (axes {axes}, {sizes}), and which of them "
            f"is meant is not known. Choose one with --page 0 to --page {pages - 1} (in Python "
            f"reading=relook.Reading(page=0)).{_hint(shape)}",
        )
    return 0


def _hint(shape: Sequence[int]) -> str:
    """A sentence on pages so narrow that they are rows of pixels with a few channels."""
    if len(shape) < 3 or not 1 < shape[-1] <= _NARROW < shape[-2]:
        return ""
    return (
        f" If the {shape[-1]} values at the end are channels, save them as such: tifffile does "
        "with planarconfig='contig', photometric='minisblack'."
    )


def choose_planes(depth: int, reading: Reading, label: str) -> tuple[tuple[int, ...], str]:
    """The planes of a z-stack that are read, and words for people.

    Raises:
        DataError: D02 for a plane that is not there.
    """
    if isinstance(reading.z, int):
        if reading.z >= depth:
            raise DataError(
                "D02",
                f"{label} has no plane z {reading.z}: it has {depth}, numbered from 0. Choose "
                "another one with --z.",
            )
        return (reading.z,), f"z {reading.z} of {depth}"
    how = "mean" if reading.z == "mean" else "brightest"
    return tuple(range(depth)), f"{how} of {depth} z planes (--z {reading.z or 'max'})"


def _listed(facts: Facts) -> str:
    names = [_named(facts, number) for number in range(min(facts.channels, _NAMED))]
    return ", ".join(names) + (", ..." if facts.channels > _NAMED else "")


def _named(facts: Facts, number: int) -> str:
    name = facts.names[number] if number < len(facts.names) else ""
    return f"{number} {name}" if name else str(number)
