"""The table "categories" of an annotation file, and the labels of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError, first_few
from .json_form import Entry, entries, text_of
from .records import Category
from .refusals import Refusals


@dataclass(frozen=True, slots=True)
class Categories:
    """Categories of a file: their names, and which of them are one class."""

    names: Mapping[int, str]  # category id -> name, by ascending id
    same: Mapping[int, int]  # id of a category -> id of the first one with its name
    roots: tuple[int, ...]  # categories that only name the others, left out
    remarks: tuple[str, ...]

    @property
    def classes(self) -> dict[int, str]:
        """Category id -> name, each name once, by ascending id."""
        return {key: name for key, name in self.names.items() if self.same.get(key, key) == key}


def read_categories(
    path: Path, top: Entry, *, keep_root: bool = False, refusals: Refusals | None = None
) -> Categories:
    """Read the categories of a file.

    A category that only names the others is left out unless `keep_root`: it has no object, its
    supercategory is "none", and it is itself the supercategory of another one. Categories of
    one name are one class.

    Raises:
        DataError: D04 or D05 for an entry that is malformed or doubled.
    """
    refusals = refusals or Refusals()
    found: dict[int, tuple[str, object]] = {}
    for identity, entry in entries(path, top, "categories", refusals):
        try:
            name = text_of(path, entry, "name", f"category {identity}")
        except DataError as error:
            refusals.refuse(error)
            continue
        found[identity] = name, entry.get("supercategory")
    roots = () if keep_root else roots_of(found, top.get("annotations") or ())
    names = {key: name for key, (name, _) in sorted(found.items()) if key not in roots}
    first: dict[str, int] = {}
    same: dict[int, int] = {}
    remarks = [
        f'category {key} "{found[key][0]}" has no object and only names the others, as Roboflow '
        "writes it: left out. --keep-root keeps it"
        for key in roots
    ]
    for key, name in names.items():
        if first.setdefault(name, key) != key:
            same[key] = first[name]
            remarks.append(
                f'categories {first[name]} and {key} are both called "{name}": read as one class'
            )
    return Categories(names, same, roots, tuple(remarks))


def roots_of(
    categories: Mapping[int, tuple[str, object]], annotations: Iterable[object]
) -> tuple[int, ...]:
    """Ids of categories (id -> name, supercategory) that only name the others."""
    candidates = {
        key
        for key, (name, above) in categories.items()
        if isinstance(above, str)
        and above.strip().lower() == "none"
        and any(other != key and parent == name for other, (_, parent) in categories.items())
    }
    if not candidates:
        return ()
    used = {key for row in annotations if type(key := _category_of(row)) is int}
    return tuple(sorted(candidates - used))


def _category_of(row: object) -> object:
    return row.get("category_id") if isinstance(row, dict) else None


def labelled(
    path: Path, categories: Categories, classes: Sequence[str] | None
) -> tuple[tuple[Category, ...], dict[int, int]]:
    """Categories by label, and category id -> label.

    Labels follow ascending ids, or the positions of the names in `classes`.

    Raises:
        DataError: D13 where the file has none of `classes`.
    """
    own = categories.classes
    if classes is None or list(own.values()) == list(classes):
        ordered = tuple(Category(identity, name) for identity, name in own.items())
        labels = {identity: label for label, identity in enumerate(own)}
    else:
        ids = {name: identity for identity, name in own.items()}
        if own and not set(classes) & set(ids):
            raise DataError(
                "D13",
                f"{path.name}: its categories ({first_few(ids, 5)}) and the classes of the model "
                f"({first_few(classes, 5)}) have no name in common. Give the file the model was "
                "trained for, or rename the categories.",
            )
        unused = max(categories.names, default=0) + 1  # ids for classes that the file lacks
        ordered = tuple(
            Category(ids.get(name, unused + label), name) for label, name in enumerate(classes)
        )
        labels = {ids[name]: label for label, name in enumerate(classes) if name in ids}
    labels |= {key: labels[first] for key, first in categories.same.items() if first in labels}
    return ordered, labels
