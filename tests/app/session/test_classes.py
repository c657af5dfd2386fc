"""Classes of a project, and names of new ones."""

from __future__ import annotations

import pytest

from relook.app.session.classes import LONGEST_NAME, MOST_CLASSES, categories, label_of, new_name
from relook.data.coco.reader import Category
from relook.errors import UsageError


def test_labels_are_rows_and_ids_begin_with_one() -> None:
    classes = ["nut"]
    assert [label_of(name, classes) for name in ("nut", "bolt", "nut")] == [0, 1, 0]
    assert categories(classes) == (Category(1, "nut"), Category(2, "bolt"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cell", "cell"),
        ("  large\t cell\n", "large cell"),
        ("Cafe\u0301", "Café"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("細胞", "細胞"),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
    ],
)
def test_a_name_as_it_is_kept(text: str, name: str) -> None:
    assert new_name(text, ["nut"]) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no name"),
        (" \t\n", "has no name"),
        ("a\x00b", "cannot be shown"),
        ("\x1b[31mred", "cannot be shown"),
        ("\u202eover", "cannot be shown"),
        ("\ud800", "cannot be shown"),
        ("x" * (LONGEST_NAME + 1), "has 81 characters"),
        (" NUT ", "there is a class 'nut' already"),
        ("nut", "there is a class 'nut' already"),
    ],
)
def test_a_name_that_no_class_has(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"U03.*{words}"):
        new_name(text, ["nut"])


def test_classes_have_a_bound() -> None:
    classes = [f"class {number}" for number in range(MOST_CLASSES)]
    with pytest.raises(UsageError, match=r"U03.*at most 1,000 classes"):
        new_name("one more", classes)
