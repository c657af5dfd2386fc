"""Times as people read them."""

from __future__ import annotations

import pytest

from relook.training.progress import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (754, "12:34 min"), (11235, "3:07:15 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
