"""`scripts/reference_page.py`: signatures and docstrings become Markdown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import relook
from relook.config.base import fields_of
from relook.config.model import ModelConfig
from relook.ops.boxes import decode
from relook.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import reference_page  # noqa: E402


def test_every_public_name_has_an_entry() -> None:
    page = (ROOT / "docs" / "reference.md").read_text()
    assert [name for name in relook.__all__ if f"\n### relook.{name}\n" not in page] == [
        "__version__"
    ]


def test_names_of_other_pages_are_found_and_public_ones_are_not_repeated() -> None:
    text = "`relook.ops.boxes.decode`, `relook.ops.boxes`, `relook.errors.DataError`, relook.a.b"
    assert reference_page.named_in([text]) == {"relook.ops.boxes.decode": decode}


def test_a_class_has_its_fields_with_what_is_said_of_them() -> None:
    text = "\n".join(reference_page.entry("relook.PredictOptions", relook.PredictOptions))
    assert text.startswith("### relook.PredictOptions\n```python\nclass PredictOptions:\n")
    assert "    size: tuple[int, int] | None = None\n    # " in text
    assert "#### PredictOptions.with_\n```python\ndef with_(" in text
    assert "__post_init__" not in text


def test_methods_have_no_overloads_and_inherited_ones_are_there() -> None:
    text = "\n".join(reference_page.entry("relook.Predictor", relook.Predictor))
    assert text.count("#### Predictor.predict\n") == 1
    assert text.count("#### Predictor.fast\n") == 1
    assert "def __init__(" in text
    assert "#### Part.with_\n" in "\n".join(reference_page.entry("relook.Part", relook.Part))


@pytest.mark.parametrize(("root", "kind"), [("model", ModelConfig), ("train", Recipe)])
def test_every_configuration_has_its_fields(root: str, kind: type) -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for path, config in reference_page.configurations(root, kind):
        section = page.split(f"### {path}: {config.__name__}\n")[1].split("\n###")[0]
        assert not [field for field in fields_of(config) if f"\n{field}: " not in section]


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("One `x*y` line * here.", "One `x*y` line \\* here."),
        ("Say.\n\nRaises:\n    A: U01 one\n        more.\n    B: two.", None),
        ("Such as::\n\n    a  b\n\nand so on.", "Such as:\n\n```text\na  b\n```\n\nand so on."),
    ],
)
def test_docstrings_become_markdown(docstring: str, expected: str | None) -> None:
    if expected is None:
        expected = "Say.\n\nRaises:\n\n- `A`: U01 one more.\n- `B`: two."
    assert reference_page.markdown(docstring) == expected
