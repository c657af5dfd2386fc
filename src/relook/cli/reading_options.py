"""Options that say what is read of an image, shared by the commands that read images."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import typer

from ..structures.rules.reading import DEFAULT_READING, Reading
from .option_groups import Option, takes

_PANEL: Final = "Images of instruments"

_CHANNELS = Annotated[
    str | None,
    typer.Option(
        "--channels",
        metavar="N,...",
        help="Channels by number, from 0: one is grey, three are red, green and blue. "
        "[default: the model's, else grey or RGB]",
        rich_help_panel=_PANEL,
    ),
]
_PAGE = Annotated[
    int | None,
    typer.Option(
        "--page",
        min=0,
        metavar="N",
        help="Page, time point or picture of a file with several, from 0.",
        rich_help_panel=_PANEL,
    ),
]
_Z = Annotated[
    str | None,
    typer.Option(
        "--z",
        metavar="max|mean|N",
        help="Brightest or mean value of a z-stack, or one plane, from 0. [default: max]",
        rich_help_panel=_PANEL,
    ),
]
_INTENSITIES = Annotated[
    str | None,
    typer.Option(
        "--intensities",
        metavar="HOW",
        help="What becomes 0 to 255: auto (8 bits as they are, else percentiles), percentiles "
        "(of each image and channel; percentiles=1:99.8), or values such as 0:4095. "
        "[default: as the model was trained]",
        rich_help_panel=_PANEL,
    ),
]
_TRAIN_INTENSITIES = Annotated[
    str | None,
    typer.Option(
        "--intensities",
        metavar="HOW",
        help="What becomes 0 to 255: auto (8 bits as they are, else percentiles), percentiles "
        "(of each image and channel; percentiles=1:99.8), data (of all training images), or "
        "values such as 0:4095; stored in the model. [default: auto]",
        rich_help_panel=_PANEL,
    ),
]
FrameOption = Annotated[
    Literal["stored", "upright"] | None,
    typer.Option(
        "--frame",
        help="Frame of the annotations of images that cameras stored turned: as stored, or upright "
        "as seen. [default: told by the sizes in the json]",
        rich_help_panel=_PANEL,
    ),
]


def _reading(
    channels: str | None, page: int | None, z: str | None, intensities: str | None
) -> Reading:
    if all(text is None for text in (channels, page, z, intensities)):
        return DEFAULT_READING  # nothing that reads images is imported for it
    from ..data.images.spelled import parse_reading

    return parse_reading(channels, page, z, intensities)


_OPTIONS: Final = {
    "channels": Option(_CHANNELS, None),
    "page": Option(_PAGE, None),
    "z": Option(_Z, None),
    "intensities": Option(_INTENSITIES, None),
}
takes_reading: Final = takes("reading", _OPTIONS, _reading)
"""Give a command the options above in place of its parameter `reading`, which they become."""
takes_train_reading: Final = takes(
    "reading", {**_OPTIONS, "intensities": Option(_TRAIN_INTENSITIES, None)}, _reading
)
"""The same for a training, which can measure intensities on its images."""


def options_given(reading: Reading) -> list[str]:
    """Names of the options that made `reading`."""
    return [name for name in reading.record() if name in _OPTIONS]


def reading_changes(reading: Reading) -> dict[str, Any]:
    """Fields of a model's configuration that a training changes for `reading`."""
    values = reading.record()
    if reading.intensities is not None:  # not beside those of another mapping
        values |= {"percentiles": reading.percentiles, "bounds": reading.bounds}
    return {"input": {"reading": values}} if values else {}
