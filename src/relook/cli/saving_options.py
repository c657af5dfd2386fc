"""Options of commands about the files that results are saved as."""

from __future__ import annotations

from typing import Annotated

import typer

from ..inference.writers.kinds import KINDS, check_kinds

Save = Annotated[
    str | None,
    typer.Option(
        help="What to save, with commas: "
        + "; ".join(f"{name} ({kind.about})" for name, kind in KINDS.items())
        + ". [default: overlay,coco, overlay,panoptic with --task panoptic, coco,film,tracks with "
        "--track, or nothing with --json]"
    ),
]
PixelSizeOption = Annotated[
    str | None,
    typer.Option(
        "--pixel-size",
        metavar="SIZE",
        help="Size of a pixel, as 0.25um, or HEIGHTxWIDTH as 0.5x0.25um (nm, um, mm, cm, m), for "
        "measurements; in place of what the image says.",
    ),
]
Simplify = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="PIXELS",
        help="Corners of saved polygons are left out while they stay so near to the mask.",
    ),
]


def kinds_of(
    save: str | None, *, nothing: bool, panoptic: bool, track: bool = False
) -> tuple[str, ...]:
    """Kinds to save, sorted, from the value of ``--save``; `nothing` is the default of ``--json``.

    Raises:
        UsageError: U01, U04 for kinds that do not exist or have nothing to save.
    """
    if save is None:
        if nothing:
            return ()
        if track:
            return ("coco", "film", "tracks")
        return ("overlay", "panoptic") if panoptic else ("coco", "overlay")
    from ..inference.batch.followed import check_followed

    named = [part.strip() for part in save.split(",") if part.strip()]
    kinds = check_kinds(named, panoptic=panoptic)
    check_followed(kinds, is_followed=track)
    return kinds
