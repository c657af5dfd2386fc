"""Classes of a project: rows of names that never change their order.

The label of an object is the row of its class. A class that is renamed keeps its row, and its
earlier names go on to mean it: so the class of a model has the name that a person gave it. A class
that is removed keeps its row for as long as the project is open, and comes back with an object that
still has it, such as one of another page: no object is lost.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from ...data.coco.reader import Category
from ...errors import UsageError

LONGEST_NAME: Final = 80  # characters
MOST_CLASSES: Final = 1000


class Classes:
    """The classes of a project.

    Args:
        names: Of the first rows.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = list(dict.fromkeys(names))
        self._removed: set[int] = set()
        self._earlier: dict[str, int] = {}

    def __len__(self) -> int:
        """Number of rows, those of removed classes among them."""
        return len(self._names)

    def listed(self) -> list[str | None]:
        """The name of each row; None for a class that was removed."""
        return [None if row in self._removed else name for row, name in enumerate(self._names)]

    def rows(self) -> list[tuple[int, str]]:
        """Row and name of each class that is there."""
        return [(row, name) for row, name in enumerate(self.listed()) if name is not None]

    def names(self) -> list[str]:
        """Names of the classes that are there."""
        return [name for _, name in self.rows()]

    def earlier(self, label: int) -> list[str]:
        """Earlier names of a class."""
        return [name for name, row in self._earlier.items() if row == label]

    def label_of(self, name: str) -> int:
        """The row of a class by its name or an earlier one; one that is new is added."""
        for row, known in self.rows():
            if known == name:
                return row
        if name in self._earlier:
            return self.kept(self._earlier[name])
        for row in self._removed:
            if self._names[row] == name:
                return self.kept(row)
        self._names.append(name)
        return len(self._names) - 1

    def kept(self, label: int) -> int:
        """The row of an object that is saved: a class that was removed is there again, or the one
        that has its name by now takes its place."""
        if label not in self._removed:
            return label
        taken = [row for row, name in self.rows() if name == self._names[label]]
        if taken:
            return taken[0]
        self._removed.discard(label)
        return label

    def read(self, name: str, earlier: Iterable[str]) -> int:
        """The row of a class of a file, whose earlier names may be those of rows here."""
        live = {known: row for row, known in self.rows()}
        old = next((other for other in earlier if other in live), None)
        if old is not None and name not in live:
            self._names[live[old]] = name
        label = self.label_of(name)
        names = self.names()
        self._earlier |= {other: label for other in earlier if other not in names}
        return label

    def add(self, text: str) -> int:
        """Add a class that a person names; its row. Raises as `new_name`."""
        name = new_name(text, self.names())
        self._earlier.pop(name, None)
        return self.label_of(name)

    def rename(self, label: int, text: str) -> None:
        """Give a class another name; raises as `new_name`."""
        others = [name for row, name in self.rows() if row != label]
        name, before = new_name(text, others), self._names[label]
        self._names[label] = name
        self._earlier.pop(name, None)
        if name != before:
            self._earlier[before] = label

    def remove(self, label: int) -> None:
        """Take a class away; no object of a file has it."""
        self._removed.add(label)

    def copy(self) -> Classes:
        """The same classes, to be changed on their own."""
        other = Classes()
        other.become(self)
        return other

    def become(self, other: Classes) -> None:
        """Have the classes of `other` from now on."""
        self._names = list(other._names)
        self._removed, self._earlier = set(other._removed), dict(other._earlier)

    def categories(self) -> tuple[Category, ...]:
        """The classes that are there as those of a result, with the ids of the file."""
        return tuple(Category(row + 1, name) for row, name in self.rows())


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
