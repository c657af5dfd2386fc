"""``relook data check``: what is wrong with annotation files and their images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import DataError, UsageError, counted
from ..structures.rules.reading import DEFAULT_READING, Reading
from .annotation_options import takes_leniency
from .progress import notices
from .reading_options import FrameOption, takes_reading
from .terminal import PlainConsole, say

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.checks.finding import Finding
    from ..data.checks.subject import Subject

_FOUND = 3  # exit code: as of an error of data


@takes_leniency
@takes_reading
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER...",
            help="COCO files, or folders with some. Several are checked together, as the parts of "
            "one data set.",
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the images. [default: found near the file]"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as json in place of a table.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page with pictures, worst first."),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            help="Write a repaired copy: a .json file, or a folder for several. What needs a "
            "person is left.",
        ),
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning", "note", "never"],
        typer.Option("--fail-on", help="Exit with code 3 from findings of this level on."),
    ] = "error",
    near_duplicates: Annotated[
        Literal["auto", "on", "off"],
        typer.Option(
            "--near-duplicates",
            help="Look for images that are nearly the same, which decodes each; auto: up to 2000 "
            "images.",
        ),
    ] = "auto",
    size: Annotated[
        tuple[int, int],
        typer.Option(
            "--size",
            metavar="LONG SHORT",
            help="Sides in pixels that the model scales images to fit, for objects that are too "
            "small.",
        ),
    ] = (1333, 800),
    reading: Reading = DEFAULT_READING,
    frame: FrameOption = None,
    leniency: Leniency = STRICT,
) -> None:
    """Check annotation files and their images: what is wrong, how often, where, and what to do.

    Nothing is decoded but for images that are nearly the same, and nothing is changed.
    """
    read: dict[str, Any] = {"reading": reading, "frame": frame}
    console = notices()
    subjects, findings = _checked(paths, images, leniency, near_duplicates, size, read, console)
    if as_json:
        say(json.dumps(_record(subjects, findings), indent=2, ensure_ascii=False))
    else:
        _print(subjects, findings)
    if html is not None:
        from ..reports.data_check import write_page

        write_page(html, subjects, findings)
        console.print(f"page: {html}", markup=False, soft_wrap=True)
    if fix is not None:
        _fix(subjects, fix, leniency, read, console)
    if _fails(findings, fail_on):
        raise typer.Exit(_FOUND)


def _checked(
    paths: Sequence[Path],
    images: Path | None,
    leniency: Leniency,
    near_duplicates: str,
    size: tuple[int, int],
    read: dict[str, Any],
    console: Console,
) -> tuple[list[Subject], list[Finding]]:
    """The files, read as far as they can be, and all findings."""
    from ..data.checks.places import annotation_files
    from ..data.checks.registry import check_subjects
    from ..data.checks.subject import read_subject
    from ..data.image_folders import likely_folder

    subjects: dict[Path, Subject] = {}

    def tell(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    for file, top in (found for path in paths for found in annotation_files(path, tell)):
        if file in subjects:
            continue
        folder = images or likely_folder(file, top.get("images") or ())
        if not folder.is_dir():
            raise DataError("D01", f"{folder}: there is no such folder of images.")
        subjects[file] = read_subject(
            file, folder, top=top, leniency=leniency, input_size=size, **read
        )
    total = sum(len(subject.contents.images.names) for subject in subjects.values())
    look = near_duplicates == "on" or (near_duplicates == "auto" and total <= _MOST_DECODED)
    return [*subjects.values()], check_subjects([*subjects.values()], near_duplicates=look)


_MOST_DECODED = 2000  # images that are looked at for near duplicates unless asked for


def _record(subjects: Sequence[Subject], findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": str(subject.path),
                "images_folder": str(subject.folder),
                "images": len(subject.index.images),
                "objects": subject.index.num_objects,
                "classes": {
                    category.name: count
                    for category, count in zip(
                        subject.index.classes, subject.index.class_counts(), strict=True
                    )
                },
            }
            for subject in subjects
        ],
        "findings": [finding.to_json() for finding in findings],
    }


def _print(subjects: Sequence[Subject], findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    for subject in subjects:
        lines = subject.index.summary()[:2]
        say(f"{lines[0]}; images in {subject.folder}\n{lines[1]}")
    if not findings:
        say("nothing was found")
        return
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("level", no_wrap=True)
    table.add_column("code", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("what, where and what to do", overflow="fold")
    for finding in findings:
        name = f"{finding.file}: " if len(subjects) > 1 else ""
        where = ", ".join(example.text for example in finding.examples[:3])
        words = [f"{name}{finding.text}.", f"first: {where}." if where else "", finding.remedy]
        text = Text("\n".join(word for word in words if word))
        color = {"error": "red", "warning": "yellow", "note": "cyan"}[finding.level]
        level = Text(finding.level, style=color)
        table.add_row(level, finding.code, str(finding.count), text, end_section=True)
    PlainConsole().print(table)
    say(_sums(findings))


def _sums(findings: Sequence[Finding]) -> str:
    counts = {
        level: sum(finding.level == level for finding in findings)
        for level in ("error", "warning", "note")
    }
    words = ", ".join(counted(count, level) for level, count in counts.items() if count)
    fixable = sum(finding.fixable for finding in findings)
    return f"{words}; --fix OUT repairs {fixable} of {len(findings)}"


def _fix(
    subjects: Sequence[Subject],
    out: Path,
    leniency: Leniency,
    read: dict[str, Any],
    console: Console,
) -> None:
    """Write repaired copies, and say what was changed and what is left."""
    from ..data.checks.registry import check_subjects
    from ..data.checks.repair import repaired
    from ..data.checks.subject import read_subject
    from ..runtime.files import write_text

    targets = _targets([subject.path for subject in subjects], out)
    for subject, target in zip(subjects, targets, strict=True):
        repair = repaired(subject.path, subject.folder, leniency=leniency, **read)
        write_text(target, json.dumps(repair.document, ensure_ascii=False) + "\n")
        console.print(f"{target}: a repaired copy of {subject.path}", markup=False, soft_wrap=True)
        for line in repair.lines or ("nothing was changed",):
            console.print(f"changed: {line}", markup=False, soft_wrap=True)
        again = read_subject(target, subject.folder, input_size=subject.input_size, **read)
        for finding in check_subjects([again], near_duplicates=False):
            if finding.level != "note":
                line = f"left: {finding.level} {finding.code}: {finding.text}. {finding.remedy}"
                console.print(line, markup=False, soft_wrap=True)


def _targets(paths: Sequence[Path], out: Path) -> list[Path]:
    """Paths of the copies of files.

    Raises:
        UsageError: U04 for a place that is that of a file itself, or of two files.
    """
    if out.suffix.lower() == ".json" and not out.is_dir():
        targets = [out] * len(paths)
    else:
        targets = [out / path.name for path in paths]
    if len(set(targets)) < len(paths):
        raise UsageError(
            "U04", f"--fix {out}: {len(paths)} files would have one place; check them one by one."
        )
    sources = {path.resolve() for path in paths}
    for target in targets:
        if target.resolve() in sources:
            raise UsageError(
                "U04",
                f"--fix {out}: {target} is the file itself, which is never changed. Give another "
                "place.",
            )
    return targets


def _fails(findings: Sequence[Finding], fail_on: str) -> bool:
    from ..data.checks.finding import LEVELS

    if fail_on == "never":
        return False
    failing = LEVELS[: [*LEVELS].index(fail_on) + 1]  # type: ignore[arg-type]
    return any(finding.level in failing for finding in findings)
