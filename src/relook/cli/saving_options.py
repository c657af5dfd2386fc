"""Options of commands about the files that results are saved as."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer

from ..inference.writers.kinds import KINDS, SaveOption, check_kinds, check_options

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
    save: str | None,
    *,
    nothing: bool,
    panoptic: bool,
    track: bool = False,
    options: Collection[SaveOption] = (),
) -> tuple[str, ...]:
    """Kinds to save, sorted, from the value of ``--save``; `nothing` is the default of ``--json``.

    Raises:
        UsageError: U01, U04 for kinds that do not exist or have nothing to save,
            U04 for one of `options` that changes none of them.
    """
    kinds = _kinds(save, nothing, panoptic, track)
    check_options(kinds, options)
    return kinds


def _kinds(save: str | None, nothing: bool, panoptic: bool, track: bool) -> tuple[str, ...]:
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


def set_options(pixel_size: str | None, simplify: float, labels: str) -> list[SaveOption]:
    """The options of what is saved that are not at their defaults."""
    values: dict[SaveOption, bool] = {
        "pixel_size": pixel_size is not None,
        "simplify": simplify != 0,
        "labels": labels != "auto",
    }
    return [name for name, is_set in values.items() if is_set]
