"""All checks: the only list of them, for files and for several files together."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import boxes, classes, files, masks, objects, splits, tables
from .finding import Check, Finding, finding_of, worst_first
from .splits import ACROSS, Parts, check_parts, find_same
from .subject import Subject

CHECKS: Final[tuple[Check, ...]] = (
    *tables.CHECKS,
    *files.CHECKS,
    *classes.CHECKS,
    *boxes.CHECKS,
    *masks.CHECKS,
    *objects.CHECKS,
    *splits.CHECKS,
)
ALL: Final[tuple[Check, ...]] = (*CHECKS, *(found for found, _ in ACROSS))


def check_subjects(subjects: Sequence[Subject], *, near_duplicates: bool = True) -> list[Finding]:
    """All findings in files of one data set, worst first.

    With `near_duplicates`, images are decoded once to find those that are nearly the same.
    """
    same = []
    if near_duplicates and subjects:
        same = find_same(_readable(subjects), subjects[0].index.reading)
    findings = []
    for subject in subjects:
        subject.cache["same"] = same
        for found in CHECKS:
            findings += [
                finding_of(found, hit, subject.path.name, _arguments(subject))
                for hit in found.run(subject)
            ]
    if len(subjects) > 1:
        findings += check_parts(Parts(subjects, same))
    return worst_first(findings)


def _arguments(subject: Subject) -> str:
    """Arguments of a command that reads the file of `subject` with its images, for a shell."""
    return f"{shlex.quote(str(subject.path))} --images {shlex.quote(str(subject.folder))}"


def _readable(subjects: Sequence[Subject]) -> list[Path]:
    """Images whose headers can be read, each once."""
    found: dict[Path, None] = {}
    for subject in subjects:
        table = subject.contents.images
        for key, path in table.paths.items():
            if table.stored[key].size is not None:
                found.setdefault(path)
    return list(found)
