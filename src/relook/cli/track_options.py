"""Options that say how objects are followed over the frames of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..inference.tracking import TrackOptions

_PANEL: Final = "Videos"

Track = Annotated[
    bool,
    typer.Option(
        "--track",
        help="Give objects identities over the frames of each video, camera or folder.",
        rich_help_panel=_PANEL,
    ),
]
TrackOverlap = Annotated[
    float | None,
    typer.Option(
        "--track-overlap",
        metavar="IOU",
        help="Least overlap of an object with where it is expected, above 0 and up to 1. "
        "[default: 0.3]",
        rich_help_panel=_PANEL,
    ),
]
TrackGap = Annotated[
    int | None,
    typer.Option(
        "--track-gap",
        metavar="N",
        help="Frames in which an object may be missed and still be the same one. [default: 3]",
        rich_help_panel=_PANEL,
    ),
]
TrackArchives = Annotated[
    bool,
    typer.Option(
        "--track-archives",
        help="The images of a folder in an archive are successive frames too.",
        rich_help_panel=_PANEL,
    ),
]


def track_options(
    track: bool, overlap: float | None, gap: int | None, *, archives: bool
) -> TrackOptions | None:
    """The options of following objects; None where they are not followed.

    Raises:
        UsageError: U03 for a value out of range, U04 for one without ``--track``.
    """
    options = {"--track-overlap": overlap, "--track-gap": gap, "--track-archives": archives or None}
    if not track:
        named = [name for name, value in options.items() if value is not None]
        if named:
            raise UsageError("U04", f"{named[0]} says how objects are followed. Add --track.")
        return None
    from ..inference.tracking import GAP, OVERLAP, TrackOptions

    return TrackOptions(
        overlap=OVERLAP if overlap is None else overlap,
        gap=GAP if gap is None else gap,
        archives=archives,
    )
