"""YAML texts are values, or one kind of error that says why in a line."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from relook.config.yaml_text import LONGEST, BadYaml, load_yaml

from ..work import without_hopeless_work


def aliases(levels: int) -> str:
    """A list whose last alias stands for ten to the power of `levels` values."""
    items = ["&a0 [x, x, x, x, x, x, x, x, x, x]"]
    items += [f"&a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return f"[{', '.join(items)}]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: {b: [1, 2.5, x, null, true]}", {"a": {"b": [1, 2.5, "x", None, True]}}),
        ("2001-01-02", date(2001, 1, 2)),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x {c: 1}\nb: {<<: *x, d: 2}", {"a": {"c": 1}, "b": {"c": 1, "d": 2}}),
        ("1: a\n'1.0': b", {1: "a", "1.0": "b"}),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert load_yaml(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "2001-99-99",
        "2001-01-01 99:99:99",
        "!!int x",
        '!!int ""',
        "!!bool x",
        "!!float x",
        "!!timestamp x",
        "!!python/object/apply:os.system [echo]",
        "9" * 5000,
        "0x_",
        "0b_",
        "{[1]: 2}",
        "{? {a: 1} : 2}",
        "&a [*a]",
        "&a {b: *a}",
        "[" * 3000,
        "{a: " * 3000,
        "a: 1\na: 2",
        "\x07",
        "--- 1\n--- 2",
        "x" * (LONGEST + 1),
        aliases(5),
        f"{{a: &b {aliases(4)}, <<: *b}}",
    ],
    ids=lambda text: text[:20].replace("\x07", "bell"),
)
def test_what_cannot_be_made_is_said_in_a_line(text: str) -> None:
    with without_hopeless_work(), pytest.raises(BadYaml) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value) and 0 < len(str(caught.value)) < 350


def test_a_key_that_is_there_twice_is_named() -> None:
    with pytest.raises(BadYaml, match="'epochs' is there twice"):
        load_yaml("train: {epochs: 1, epochs: 2}")


def test_a_value_that_cannot_be_made_is_named_with_its_line() -> None:
    with pytest.raises(BadYaml, match=r"line 3: '2001-99-99' cannot be read as timestamp"):
        load_yaml("train:\n  epochs: 1\n  day: 2001-99-99")
