"""Checks of the categories of an annotation file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ...errors import counted, first_few
from .finding import Check, Example, Hit, check
from .subject import Subject


@check(
    "root-category",
    "warning",
    finds="a category without objects that only names the others, as exports of Roboflow have it",
    remedy="It is left out; --keep-root keeps it.",
    fix="removes it",
)
def roots(subject: Subject) -> Iterable[Hit]:
    """Find categories that only name the project."""
    found = subject.contents.categories.roots
    if found:
        by_id = {row.get("id"): row for row in subject.contents.tables["categories"]}
        names = first_few((f'"{by_id[key].get("name")}"' for key in found), 3)
        yield Hit(count=len(found), text=f"{names}: no class, but the name of the others")


@check(
    "class-twice",
    "warning",
    finds="categories with the same name",
    remedy="They are read as one class. Rename one if they are two.",
    fix="joins them under the first id",
)
def same_name(subject: Subject) -> Iterable[Hit]:
    """Find categories of one name."""
    categories = subject.contents.categories
    if categories.same:
        names = first_few(dict.fromkeys(f'"{categories.names[key]}"' for key in categories.same), 5)
        count = len(categories.same)
        yield Hit(count=count, text=f"{names} {'is' if count == 1 else 'are'} there twice")


@check(
    "class-similar",
    "warning",
    finds="names of classes that differ only by upper and lower case, blanks, - or _",
    remedy="Give them one name in the file, if they are one class: they are trained as two.",
)
def similar_name(subject: Subject) -> Iterable[Hit]:
    """Find names that people would read as one."""
    groups = defaultdict(list)
    for category in subject.index.classes:
        groups["".join(c for c in category.name.casefold() if c.isalnum())].append(category.name)
    for names in groups.values():
        if len(names) > 1:
            listed = " and ".join(f'"{name}"' for name in names)
            yield Hit(count=len(names), text=f"{listed} differ only by case, blanks, - or _")


@check(
    "class-empty",
    "note",
    finds="classes without objects",
    remedy="Remove them from the file, or add objects: a model never finds what it has not seen.",
)
def empty_class(subject: Subject) -> Iterable[Hit]:
    """Find classes without objects."""
    rows = zip(subject.index.classes, subject.index.class_counts(), strict=True)
    empty = [category.name for category, count in rows if not count]
    if empty and len(empty) < len(subject.index.classes):
        yield Hit(
            count=len(empty),
            text=f"{counted(len(empty), 'class', 'classes')} without objects: "
            f"{first_few(empty, 5)}",
            examples=tuple(Example(text=name) for name in empty[:8]),
        )


@check(
    "class-rare",
    "note",
    finds="classes with fewer than 10 objects",
    remedy="Add objects of these classes, or join them with others.",
)
def rare_class(subject: Subject) -> Iterable[Hit]:
    """Find classes that are too rare to be learned."""
    rows = zip(subject.index.classes, subject.index.class_counts(), strict=True)
    rare = [f"{category.name} {count}" for category, count in rows if 0 < count < _FEW]
    if rare and subject.index.num_objects >= 10 * _FEW:
        text = f"{counted(len(rare), 'class', 'classes')} with few objects: {first_few(rare, 5)}"
        yield Hit(count=len(rare), text=text)


_FEW: Final = 10
CHECKS: Final[tuple[Check, ...]] = (roots, same_name, similar_name, empty_class, rare_class)
