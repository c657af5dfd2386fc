"""Published numbers for rows of ablation tables, and their sources.

COCO val2017, R-50, in points. A number is here only where its source has been read. Rows without
such a number show a dash.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..config import published
from ..config.presets import PRESETS
from .rows import ROWS, SCALES, Row

MEASURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
PUBLISHED_SCALE = "r50"


@dataclass(frozen=True, slots=True)
class Published:
    """Numbers of one source, in points: AP alone, or AP, AP50, AP75 and AP of small, medium and
    large objects. `gain` is the gain in box AP, where a text has only this and no AP."""

    source: str
    box: tuple[float, ...] = ()
    mask: tuple[float, ...] = ()
    gain: float | None = None

    def of(self, kind: str, measure: str) -> float | None:
        """A number of `kind` (box, mask) by the name it has in `MEASURES`; None if unknown."""
        values = self.box if kind == "box" else self.mask
        return dict(zip(MEASURES, values, strict=False)).get(measure)


_TABLE_2 = "DetectoRS paper, table 2 (12 epochs)"
_TEXT = "DetectoRS paper, text: over +rfp"
_TIMES = "DSC authors' slides, time against accuracy (12 epochs)"
_PARTS = "DSC authors' slides, components (12 epochs)"
_README = "DSC authors' README (12 epochs)"

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "htc": (
        Published(
            _TABLE_2,
            (42.0, 60.8, 45.5, 23.7, 45.5, 56.4),
            (37.1, 58.2, 39.9, 19.1, 40.2, 51.9),
        ),
        Published(_TIMES, (42.3,), (37.4,)),
    ),
    "+rfp": (
        Published(
            _TABLE_2,
            (46.2, 65.1, 50.2, 27.9, 50.3, 60.3),
            (40.4, 62.5, 43.5, 22.3, 43.8, 54.9),
        ),
    ),
    "+sac": (
        Published(
            _TABLE_2,
            (46.3, 65.8, 50.2, 27.8, 50.6, 62.4),
            (40.4, 63.1, 43.4, 22.7, 44.2, 56.4),
        ),
    ),
    "both": (
        Published(
            _TABLE_2,
            (49.0, 67.7, 53.0, 30.1, 52.6, 64.9),
            (42.1, 64.8, 45.5, 23.9, 45.6, 57.8),
        ),
    ),
    "rfp+3x": (Published(_TEXT, gain=1.3),),
    "fast-dsc": (Published(_PARTS, (44.5,), (39.5,)), Published(_TIMES, (44.5,), (39.4,))),
    "full-dsc": (Published(_README, (45.0,), (39.7,)), Published(_TIMES, (44.8,), (39.5,))),
    "dsc-exsg": (Published(_PARTS, (44.2,), (39.1,)),),
    "dsc-imsg": (Published(_PARTS, (43.4,), (38.8,)),),
    "dsc-plus1": (Published(_PARTS, (44.3,), (39.3,)),),
    "dsc-afa": (Published(_PARTS, (44.0,), (39.0,)),),
    "dsc-afa+recompute": (Published(_PARTS, (44.9,), (39.9,)),),
}
"""By the name of the row; `published_for` adds the numbers of model zoos."""


def published_for(row: Row) -> tuple[Published, ...]:
    """Published numbers of `row`: of the named row at R-50 for any scale, or of its preset."""
    named_row = ROWS.get(row.name)
    if named_row is not None and row in [named_row.at(scale) for scale in SCALES]:
        numbers, model = PUBLISHED.get(row.name, ()), named_row.at(PUBLISHED_SCALE).model
    else:
        numbers, model = (), row.model
    return numbers + (_of_preset(model) if row.is_a_preset else ())


def _of_preset(name: str) -> tuple[Published, ...]:
    training = published.published_for(name)
    if training is None or training.box is None:
        return ()
    mask = () if training.mask is None else (training.mask,)
    return (Published(f"{training.source}: {PRESETS[name].about}", (training.box,), mask),)
