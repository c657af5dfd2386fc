"""Options of commands about the files that results are saved as."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from ..errors import UsageError
from ..inference.writers.kinds import KINDS, check_kinds

_UNITS: Final = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_PIXEL_SIZE: Final = re.compile(r"([\d.eE+-]+)(?:x([\d.eE+-]+))?\s*([a-zµμ]+)")

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


def pixel_size_of(text: str | None) -> tuple[float, float] | None:
    """(y, x) in micrometres from the value of ``--pixel-size``.

    Raises:
        UsageError: U03 for text that is no size.
    """
    if text is None:
        return None
    match = _PIXEL_SIZE.fullmatch(text.strip())
    try:
        if match is None or match[3] not in _UNITS:
            raise ValueError
        height, width = float(match[1]), float(match[2] or match[1])
    except ValueError:
        raise UsageError(
            "U03", f"--pixel-size: expected a size such as 0.25um or 0.5x0.25um, got {text!r}"
        ) from None
    unit = _UNITS[match[3]]
    return height * unit, width * unit
