"""Classes of a project: a list of names that grows and never changes its order.

The label of an object is its row in the list.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from ...data.coco.reader import Category
from ...errors import UsageError

LONGEST_NAME: Final = 80  # characters
MOST_CLASSES: Final = 1000


def label_of(name: str, classes: list[str]) -> int:
    """The row of a class, which is added to `classes` where it is new."""
    if name not in classes:
        classes.append(name)
    return classes.index(name)


def categories(classes: Sequence[str]) -> tuple[Category, ...]:
    """The classes of a project as those of a result, numbered from 1 as in the file."""
    return tuple(Category(row, name) for row, name in enumerate(classes, start=1))


def new_name(text: str, classes: Sequence[str]) -> str:
    """The name of a class that a person adds to `classes`: composed characters (NFC), and one
    space where there is space.

    Raises:
        UsageError: U03 for an empty name and a long one, for one with control characters or halves
            of surrogate pairs, for one that is there already (upper and lower case are the same),
            and for more classes than a project has.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise UsageError("U03", "the class has no name. Type one, such as cell.")
    if not name.isprintable():
        raise UsageError(
            "U03", "the name of the class has characters that cannot be shown. Type it again."
        )
    if len(name) > LONGEST_NAME:
        raise UsageError(
            "U03",
            f"the name of the class has {len(name):,} characters. Choose one of at most "
            f"{LONGEST_NAME}.",
        )
    for other in classes:
        if other.casefold() == name.casefold():
            raise UsageError("U03", f"there is a class {other!r} already. Choose another name.")
    if len(classes) >= MOST_CLASSES:
        raise UsageError(
            "U03", f"a project has at most {MOST_CLASSES:,} classes. Use one that is there."
        )
    return name
