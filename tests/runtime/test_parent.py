"""A process that is left alone ends."""

from __future__ import annotations

import os
import signal

import pytest

from relook.runtime.parent import VARIABLE, end_with_parent


def test_it_is_told_to_end_and_then_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    ended: list[int] = []
    monkeypatch.setenv(VARIABLE, str(os.getppid()))
    parents = iter([os.getppid(), os.getppid(), 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "kill", lambda _pid, number: told.append(number))
    thread = end_with_parent(poll=0.001, grace=0.01, end=ended.append)
    assert thread is not None
    thread.join()
    assert (told, ended) == ([signal.SIGTERM], [128 + signal.SIGTERM])


@pytest.mark.parametrize("value", ["", "x"])
def test_nobody_is_watched_where_nobody_waits(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert end_with_parent() is None
