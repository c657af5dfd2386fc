"""What a prediction is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from relook import TTA
from relook.errors import UsageError
from relook.inference.options import PredictionOptions

GOOD: dict[str, Any] = {
    "size": (64, 32),
    "score": None,
    "max_dets": None,
    "batch_size": 1,
    "tta": None,
}


def test_lists_and_text_will_do() -> None:
    asked = PredictionOptions.of(**{**GOOD, "size": [64, 32], "tta": "flip"})
    assert (asked.size, asked.tta) == ((64, 32), TTA(flip=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (32, 64)}, "size: expected"),
        ({"size": (64, 0)}, "size: expected"),
        ({"size": (64, 32, 16)}, "size: expected"),
        ({"score": 1.5}, "score: expected a number from 0 to 1, got 1.5"),
        ({"max_dets": 0}, "max_dets: expected at least 1"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"tta": "mirror"}, "--tta: 'mirror'; expected flip"),
    ],
)
def test_others_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"U03.*{message}"):
        PredictionOptions.of(**(GOOD | changes))
