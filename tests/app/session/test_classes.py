"""Classes of a project, and names of new ones."""

from __future__ import annotations

import pytest

from relook.app.session.classes import LONGEST_NAME, MOST_CLASSES, Classes, new_name
from relook.data.coco.reader import Category
from relook.errors import UsageError


def test_labels_are_rows_and_ids_begin_with_one() -> None:
    classes = Classes(["nut"])
    assert [classes.label_of(name) for name in ("nut", "bolt", "nut")] == [0, 1, 0]
    assert classes.categories() == (Category(1, "nut"), Category(2, "bolt"))


def test_a_class_that_is_renamed_is_still_meant_by_its_earlier_names() -> None:
    """Such as that of a model; until another class has that name."""
    classes = Classes(["nut", "bolt"])
    classes.rename(0, " Large  nut ")
    classes.rename(0, "ring")
    assert classes.names() == ["ring", "bolt"]
    assert classes.label_of("nut") == classes.label_of("Large nut") == classes.label_of("ring") == 0
    assert classes.earlier(0) == ["nut", "Large nut"]
    classes.rename(0, "Ring")  # only its own name is like it
    with pytest.raises(UsageError, match="'bolt' already"):
        classes.rename(0, "Bolt")
    assert classes.add("nut") == 2
    assert classes.label_of("nut") == 2 and classes.label_of("ring") == 0
    classes.rename(0, "Large nut")
    assert classes.label_of("Large nut") == 0 and classes.earlier(0) == ["ring", "Ring"]


def test_rows_stay_when_a_class_is_removed() -> None:
    classes = Classes(["nut", "bolt", "washer"])
    classes.remove(1)
    assert classes.listed() == ["nut", None, "washer"] and len(classes) == 3
    assert classes.categories() == (Category(1, "nut"), Category(3, "washer"))
    assert classes.add("pin") == 3
    assert classes.add("bolt") == 1  # its row again
    classes.remove(1)
    assert classes.label_of("bolt") == 1
    classes.remove(1)
    assert classes.kept(0) == 0 and classes.kept(1) == 1
    assert classes.names() == ["nut", "bolt", "washer", "pin"]
    classes.remove(1)
    classes.rename(0, "bolt")
    assert classes.kept(1) == 0  # two classes never have one name


def test_a_copy_is_changed_on_its_own() -> None:
    classes = Classes(["nut", "bolt"])
    other = classes.copy()
    other.rename(0, "ring")
    other.remove(1)
    assert classes.names() == ["nut", "bolt"] and classes.earlier(0) == []
    classes.become(other)
    assert classes.listed() == ["ring", None] and classes.earlier(0) == ["nut"]


def test_a_file_renames_the_class_of_a_model_and_no_other() -> None:
    classes = Classes(["nut", "bolt"])
    assert classes.read("ring", ["nut"]) == 0
    assert classes.read("pin", ["bar"]) == 2
    assert classes.read("bar", []) == 2  # an older file of the same project
    assert classes.read("bolt", ["ring"]) == 1  # both are there: they stay two
    assert classes.names() == ["ring", "bolt", "pin"]


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
