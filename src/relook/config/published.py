"""Published trainings on COCO: their numbers, and the options that repeat them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishedTraining:
    """A published training: its preset and schedule, and its AP on COCO val2017 in points."""

    preset: str
    schedule: str
    source: str
    box: float | None = None
    mask: float | None = None
    memory: float | None = None  # GB a GPU, on V100s
    assignments: tuple[str, ...] = ()  # of ``--set``

    @property
    def options(self) -> str:
        """Options of ``relook train`` that repeat it."""
        settings = "".join(f" --set {text}" for text in self.assignments)
        return f"--model {self.preset} --schedule {self.schedule}{settings}"


_SOFT_NMS = ("model.cascade.select.suppression=soft_nms",)


def _rows() -> Iterator[PublishedTraining]:
    zoo, authors, dsc = (
        "MMDetection model zoo",
        "DetectoRS authors' release, v1 numerics",
        "DSC authors' README",
    )
    row = PublishedTraining
    yield row("cascade-r50", "1x", zoo, 40.3)
    yield row("cascade-r50", "20e", zoo, 41.0)
    yield row("cascade-mask-r50", "1x", zoo, 41.2, 35.9)
    yield row("cascade-mask-r50", "20e", zoo, 41.9, 36.5)
    yield row("cascade-r50-rfp", "1x", zoo, 44.8, None, 7.5)
    yield row("cascade-r50-sac", "1x", zoo, 45.0, None, 5.6)
    yield row("detectors-cascade-r50", "1x", zoo, 47.4, None, 9.9)
    yield row("htc-r50", "1x", zoo, 42.3, 37.4, 8.2)
    yield row("htc-r50", "20e", zoo, 43.3, 38.3)
    yield row("htc-r50-rfp", "1x", zoo, 46.6, 40.9, 11.2)
    yield row("htc-r50-sac", "1x", zoo, 46.4, 40.9, 9.3)
    yield row("htc-r101", "20e", zoo, 44.8, 39.6)
    yield row("htc-x101-32x4d", "20e", zoo, 46.1, 40.5)
    yield row("htc-x101-64x4d", "20e", zoo, 47.0, 41.4)
    yield row("htc-x101-64x4d-dcn", "20e", zoo, 50.4, 43.8)
    yield row("detectors-htc-r50", "1x", zoo, 49.1, 42.6, 13.6)
    yield row("detectors-htc-r50", "40e", authors, 51.1, 44.0)
    yield row("detectors-htc-r101", "20e", zoo, 50.5, 43.9, 19.6)
    yield row("detectors-htc-x101-32x4d", "40e", authors, 52.9, 45.3, None, _SOFT_NMS)
    yield row("detectors-htc-x101-64x4d", "40e", "test-dev with TTA only: 55.7 / 48.5")
    yield row("dsc-r50", "20e", dsc, 45.8, 40.1)
    yield row("dsc-r50", "1x", dsc, 45.0, 39.7)
    yield row("fast-dsc-r50", "1x", dsc, 44.5, 39.5)
    yield row("dsc-r101", "20e", dsc, 46.6, 40.7)
    yield row("dsc-x101-32x4d", "20e", dsc, 48.0, 41.9)
    yield row("dsc-x101-64x4d-dcn", "20e", dsc, 51.4, 44.9)


PUBLISHED: tuple[PublishedTraining, ...] = tuple(_rows())
"""All published trainings; tables show the numbers of the first row of a preset."""


def published_for(preset: str) -> PublishedTraining | None:
    """The first training of the preset; None where no AP on val2017 is published."""
    rows = (row for row in PUBLISHED if row.preset == preset and row.box is not None)
    return next(rows, None)
