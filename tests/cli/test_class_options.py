"""--map and --one-class: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from relook.cli.class_options import check_class_options, class_map
from relook.errors import UsageError


def test_names_of_the_data_stand_before_those_of_the_model() -> None:
    assert class_map(["particle=nucleus", " a = b "]) == {"particle": "nucleus", "a": "b"}
    assert class_map(None) == {}
    check_class_options({}, one_class=True)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["particle"], "U03.*THEIRS=OURS"),
        (["=nucleus"], "U03"),
        (["particle="], "U03"),
        (["a=b", "a=c"], "U04.*a is said to be b and c"),
    ],
)
def test_other_texts_are_refused(texts: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        class_map(texts)


def test_both_options_contradict() -> None:
    with pytest.raises(UsageError, match="U04"):
        check_class_options({"a": "b"}, one_class=True)
