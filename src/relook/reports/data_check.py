"""The page about a check of annotation files: findings and their pictures, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data.checks.finding import LEVELS, Example, Finding
from ..data.checks.subject import Subject
from ..data.coco.records import ImageRecord
from ..data.coco.segmentation import Segmentation, enclosing_box, runs_of
from ..data.images import read_image
from ..data.images.shown import as_picture
from ..errors import DataError
from ..ops.rle import RLE, encode_runs
from ..runtime.files import write_text
from ..visualization.outlines import FOUND, TRUTH, Outline, draw_outlines, frame_around
from ..visualization.page import (
    Fact,
    Section,
    figure,
    figure_of,
    grid,
    legend,
    page,
    paragraph,
    table,
)

PICTURES = 6  # of each finding
_CROP, _WHOLE = 360, 520  # pixels of their widths
_LEAST = 48  # pixels of the image that a crop shows at least
_MOST_OUTLINES = 300  # objects of an image that are drawn


def write_page(path: Path, subjects: Sequence[Subject], findings: Sequence[Finding]) -> None:
    """Write the page of a check; images are read for the pictures only.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    names = ", ".join(subject.path.name for subject in subjects)
    counts = {level: sum(f.level == level for f in findings) for level in LEVELS}
    facts = [Fact(f"{level}s", str(counts[level])) for level in LEVELS]
    facts += [
        Fact("images", str(sum(len(s.index.images) for s in subjects))),
        Fact("objects", str(sum(s.index.num_objects for s in subjects))),
    ]
    rows = [
        [finding.code, finding.level, str(finding.count), finding.file, finding.text]
        for finding in findings
    ]
    links: list[str | None] = [f"#part{number}" for number in range(1, len(findings) + 1)]
    head = ("code", "level", "count", "file", "what")
    overview = table("Findings, worst first", head, rows, texts=(1, 3, 4), links=links)
    words = paragraph("Nothing was found.")
    sections = [Section("Findings", [overview if findings else words])]
    by_path = {record.path: (s, record) for s in subjects for record in s.index.images}
    sections += [
        Section(f"{finding.code}: {finding.count}", _parts(finding, by_path))
        for finding in findings
    ]
    lead = "; ".join(subject.index.summary()[0] for subject in subjects)
    write_text(path, page(f"Check of {names}", lead, facts, sections))


def _parts(finding: Finding, by_path: dict[Path, tuple[Subject, ImageRecord]]) -> list[str]:
    """Words, pictures and places of a finding."""
    parts = [paragraph(f"{finding.level}: {finding.text}."), paragraph(finding.remedy)]
    shown = [example for example in finding.examples if example.path in by_path][:PICTURES]
    figures = []
    for example in shown:
        assert example.path is not None
        subject, record = by_path[example.path]
        figures.append(_figure(example, subject, record))
    if figures:
        is_crops = any(example.box for example in shown)
        entries = [("what is meant", "var(--found)"), ("mask, other objects", "var(--truth)")]
        parts.append(legend(entries))
        parts.append(grid(figures, "pictures crops" if is_crops else "pictures"))
    rest = [example.text for example in finding.examples if example not in shown]
    if rest:
        parts.append(paragraph("Also: " + ", ".join(rest) + "."))
    return parts


def _figure(example: Example, subject: Subject, record: ImageRecord) -> str:
    """A picture of an example: around its box, or of the whole image."""
    try:
        pixels = as_picture(read_image(record.path, reading=subject.index.reading))
    except DataError as error:
        return figure_of(paragraph(f"The image cannot be read: {error}"), example.text)
    height, width = pixels.shape[:2]
    outlines = [
        Outline(_corner_box(one.box), _code(one.segmentation, record), TRUTH, False)
        for one in record.objects[:_MOST_OUTLINES]
    ]
    if example.box is None:
        shown = min(_WHOLE, max(width, 1) * 2)
        picture = draw_outlines(pixels, outlines, (0, 0, width, height), shown)
        return figure(picture, example.text)
    box = _corner_box(example.box)
    outlines.append(Outline(box, None, FOUND, True))
    around = [box]
    for one in record.objects:
        if one.id == example.annotation and one.segmentation is not None:
            runs = runs_of(one.segmentation, record.height, record.width)
            around.append(_corner_box(enclosing_box(runs, record.height)))
            code = _code(one.segmentation, record)
            outlines.append(Outline(around[-1], code, TRUTH, True))
    frame = frame_around(around, (height, width), _LEAST)
    return figure(draw_outlines(pixels, outlines, frame, _CROP), example.text)


def _corner_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return x1, y1, x2 - x1, y2 - y1


def _code(segmentation: Segmentation | None, record: ImageRecord) -> RLE | None:
    """Run lengths of a mask of an image; None without one."""
    if segmentation is None:
        return None
    size = record.height, record.width
    return encode_runs(runs_of(segmentation, *size), size)
