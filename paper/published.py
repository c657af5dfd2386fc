"""Numbers of the papers that `relook.ablation.published` has no row for, each with its source.

Numbers that are only remembered are not here: their rows say so.
"""

from __future__ import annotations

from dataclasses import dataclass

RECALLED = "recalled, not shown"
SIX = ("AP", "AP50", "AP75", "AP S", "AP M", "AP L")


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as somebody published it; a row without numbers is one that was not read."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], str], ...]  # name, numbers, provenance
    beside: str  # what relook measured, or why there is nothing


def _row(name: str, numbers: str, source: str) -> tuple[str, tuple[str, ...], str]:
    return name, tuple(numbers.split()), source


_TEST_DEV = "DetectoRS paper, test-dev"
_BLANK = "relook: nothing. Test-dev answers are not public, and no COCO training was run here."

DETECTORS = (
    PublishedTable(
        "DetectoRS, table 1: R-50, COCO test-dev, box AP, mask AP, images a second",
        ("box AP", "mask AP", "images/s"),
        (
            _row("HTC", "43.6 38.5 4.3", "DetectoRS paper, table 1"),
            _row("DetectoRS", "51.3 44.4 3.9", "DetectoRS paper, table 1"),
        ),
        f"{_BLANK} Times are below.",
    ),
    PublishedTable(
        "DetectoRS, boxes, COCO test-dev",
        SIX,
        (
            _row("HTC, R-50", "", RECALLED),
            _row("DetectoRS, R-50", "51.3 70.1 55.8 31.7 54.6 64.8", _TEST_DEV),
            _row("DetectoRS, R-50, TTA", "53.0 72.2 57.8 35.9 55.6 64.6", _TEST_DEV),
            _row("DetectoRS, X-101-32x4d", "53.3 71.6 58.5 33.9 56.5 66.9", _TEST_DEV),
            _row("DetectoRS, X-101-32x4d, TTA", "54.7 73.5 60.1 37.4 57.3 66.4", _TEST_DEV),
            _row("DetectoRS, X-101-64x4d, TTA", "55.7 74.2 61.1 37.7 58.4 68.1", _TEST_DEV),
        ),
        _BLANK,
    ),
    PublishedTable(
        "DetectoRS, masks, COCO test-dev",
        SIX,
        (
            _row("HTC, R-50", "38.5 60.1 41.7 20.4 40.6 51.2", _TEST_DEV),
            _row("HTC, X-101-32x4d", "40.7 63.2 44.1 22.0 43.3 54.2", _TEST_DEV),
            _row("HTC, X-101-64x4d", "41.3 63.9 44.8 22.7 44.0 54.7", _TEST_DEV),
            _row("HTC, X-101-64x4d, second row", "44.2 67.8 48.1 25.3 47.2 58.7", _TEST_DEV),
            _row("DetectoRS, R-50", "44.4 67.7 48.3 25.6 47.5 58.3", _TEST_DEV),
            _row("DetectoRS, R-50, TTA", "45.8 69.8 50.1 29.2 48.3 58.2", _TEST_DEV),
            _row("DetectoRS, X-101-32x4d", "45.8 69.2 50.1 27.4 48.7 59.6", _TEST_DEV),
            _row("DetectoRS, X-101-32x4d, TTA", "47.1 71.1 51.6 30.3 49.5 59.6", _TEST_DEV),
            _row("DetectoRS, X-101-64x4d, TTA", "48.5 72.0 53.3 31.6 50.9 61.5", _TEST_DEV),
        ),
        _BLANK,
    ),
    PublishedTable(
        "Panoptic segmentation, COCO test-dev",
        ("PQ", "PQ things", "PQ stuff"),
        (_row("DetectoRS, TTA", "50.0 58.5 37.2", "DetectoRS paper; authors' slides"),),
        f"{_BLANK} Other methods' rows of this table are left out: of some, only the slides were "
        "read, and their columns look copied from each other.",
    ),
)

_TABLE_2 = "DetectoRS paper, table 2 (TITAN RTX, one image)"
TIMES = PublishedTable(
    "DetectoRS, table 2: images a second",
    ("images/s",),
    (
        _row("HTC", "4.3", _TABLE_2),
        _row("+RFP", "4.1", _TABLE_2),
        _row("+SAC", "4.2", _TABLE_2),
        _row("both", "3.9", _TABLE_2),
    ),
    "relook: the tables below, on another machine, so that only ratios can be compared.",
)

_SLIDES = "DSC authors' slides (20 epochs)"
_ZOO = "DSC authors' README"
DSC = (
    PublishedTable(
        "DSC against HTC, COCO val2017",
        ("box AP", "AP50", "AP75", "mask AP", "AP50 ", "AP75 "),
        (
            _row("HTC, R-50", "43.3 62.2 47.1 38.3 59.3 41.4", _SLIDES),
            _row("DSC, R-50", "45.8 63.4 49.8 40.2 61.0 43.5", _SLIDES),
            _row("HTC, R-101", "44.8 63.3 48.8 39.6 61.0 42.8", _SLIDES),
            _row("DSC, R-101", "46.6 64.5 50.8 40.7 62.0 44.1", _SLIDES),
            _row("HTC, X-101-32x4d", "46.1 65.3 50.1 40.5 62.5 43.7", _SLIDES),
            _row("DSC, X-101-32x4d", "48.0 65.9 52.2 42.0 63.7 45.6", _SLIDES),
        ),
        "relook: nothing on COCO; a comparison on small data is below.",
    ),
    PublishedTable(
        "DSC, test-dev and times",
        ("box AP", "mask AP", "time"),
        (
            _row("DSC, X-101-64x4d DCN, multi-scale, test-dev", "51.8 45.5 –", f"paper; {_ZOO}"),
            _row("HTC, R-50, val2017", "42.3 37.4 238ms", "DSC authors' slides (12 epochs)"),
            _row("DSC, R-50, val2017", "44.8 39.5 434ms", "DSC authors' slides (12 epochs)"),
            _row("Fast DSC, R-50, val2017", "44.5 39.4 256ms", "DSC authors' slides (12 epochs)"),
        ),
        "relook: no AP on COCO; times are below, as ratios. The authors' machine is not told, and "
        "the other rows of their test-dev table were not read.",
    ),
    PublishedTable(
        "Gain of DSC over HTC on huddled objects, box / mask AP, by overlap T_O and share T_P",
        ("T_P 0.0", "T_P 0.1", "T_P 0.2", "T_P 0.3", "T_P 0.4"),
        (
            _row("T_O -1.0", "2.4/2.1 – – – –", "DSC authors' slides"),
            _row("T_O 0.0", "2.5/2.0 2.5/2.0 2.6/2.2 2.7/2.4 2.5/2.4", "DSC authors' slides"),
            _row("T_O 0.1", "2.5/2.0 2.4/2.1 2.6/2.3 2.8/2.5 2.8/2.8", "DSC authors' slides"),
            _row("T_O 0.2", "2.5/2.1 2.5/2.2 2.7/2.6 2.9/2.9 3.0/3.3", "DSC authors' slides"),
            _row("T_O 0.3", "2.4/2.0 2.6/2.4 3.0/2.9 3.7/3.6 3.6/3.9", "DSC authors' slides"),
            _row("T_O 0.4", "2.5/2.1 2.9/2.6 3.2/3.2 3.8/3.9 4.2/4.7", "DSC authors' slides"),
        ),
        "relook: the grid of composed scenes stands in docs/studies/dsc.md. How the authors "
        "measured overlap is not told.",
    ),
)
