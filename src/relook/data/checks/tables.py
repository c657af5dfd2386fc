"""Checks of the tables of a file: ids, and all that reading it would refuse."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ...errors import CODES, counted
from .finding import Check, Hit, check
from .subject import Subject

_ANNOTATION: Final = re.compile(r"annotation (-?\d+)")


@check(
    "refused",
    "error",
    finds="all that training and scoring refuse, with the code of the error: D04 entries that are "
    "malformed, D05 ids that are there twice, D06 annotations of no image, D07 unknown "
    "categories, D08 boxes and D09 masks that mean nothing, D10 images that may be turned",
    remedy="The message says what to do.",
)
def refused(subject: Subject) -> Iterable[Hit]:
    """Find errors, by their codes."""
    groups = defaultdict(list)
    for error in subject.errors:
        groups[error.code].append(error.message)
    for code, messages in groups.items():
        ids = [int(m[1]) for text in messages[:100] if (m := _ANNOTATION.search(text))]
        name = subject.path.name
        message = messages[0].removeprefix(f"{name}: ")
        text, remedy = _split(message.removeprefix(f"{name} is not {CODES['D04'][14:]}: "))
        yield Hit(
            count=len(messages),
            text=f"{CODES[code]}: {text}" if len(messages) > 1 else text,
            examples=subject.annotations(dict.fromkeys(ids)),
            code=code,
            remedy=remedy,
        )


@check(
    "ids-twice",
    "error",
    finds="ids of annotations that are there twice, as in joined files",
    remedy="Give each its own id with `relook data check {file} --fix OUT`.",
    fix="numbers the later ones anew",
)
def ids_twice(subject: Subject) -> Iterable[Hit]:
    """Find ids of annotations that are used twice."""
    seen: set[int] = set()
    again = []
    for row in subject.contents.tables["annotations"]:
        key = row.get("id") if isinstance(row, dict) else None
        if type(key) is int:
            if key in seen:
                again.append(key)
            seen.add(key)
    if again:
        text = f"{counted(len(again), 'annotation')} with the id of an earlier one"
        yield Hit(count=len(again), text=text, examples=subject.annotations(again))


@check(
    "ids-other",
    "note",
    finds="ids that are texts, floats, file names or missing",
    remedy="They are read. Write integers with `relook data check {file} --fix OUT` for other "
    "programs.",
    fix="writes integers",
)
def other_ids(subject: Subject) -> Iterable[Hit]:
    """Find ids that are no integers."""
    if subject.contents.tables is not subject.top:
        for line in subject.contents.id_remarks:
            number = re.search(r"(\d+)", line)
            yield Hit(count=int(number[1]) if number else 1, text=line)


def _split(message: str) -> tuple[str, str]:
    """A message as what is wrong, and what to do."""
    what, stop, remedy = message.partition(". ")
    return (what, remedy) if stop else (message.rstrip("."), "")


CHECKS: Final[tuple[Check, ...]] = (refused, ids_twice, other_ids)
