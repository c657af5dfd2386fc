"""``relook serve``, up to the loop that answers; benchmarks/load.py has the whole."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from relook.app import models, running
from relook.app.limits import Limits
from relook.inference.predictor import Predictor

from ..narrow_models import narrow_config, predictor_of

Run = Callable[..., Result]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is served, and the address it is told."""
    seen: list[Any] = []
    nuts = predictor_of(narrow_config(num_classes=2))

    def load(path: str | Path, **_: Any) -> Predictor:
        return nuts

    def serve(app: Any, listener: socket.socket, *, on_start: Any, on_stop: Any) -> None:
        seen.append(app)
        on_start(running.address_of(listener))
        on_stop(1)

    monkeypatch.setattr(models, "load", load)
    monkeypatch.setattr(running, "serve", serve)
    monkeypatch.delenv("RELOOK_TOKEN", raising=False)
    return seen


def test_models_are_loaded_and_the_address_is_printed(relook: Run, served: list[Any]) -> None:
    result = relook(
        "serve", "nuclei", "mine=nuclei", "--port", "0", "--queue", "7", "--max-mb", "1.5"
    )
    assert result.stdout.startswith("http://127.0.0.1:")
    assert "nuclei: Predictor(2 classes" in result.stderr and "mine: " in result.stderr
    assert "stopping: 1 request to finish" in result.stderr
    (app,) = served
    work = app.state.work
    assert work.models.names() == ["nuclei", "mine"]
    assert work.limits == Limits(queue=7, bytes=1_500_000)


def test_other_machines_need_a_token(relook: Run, served: list[Any], tmp_path: Path) -> None:
    result = relook("serve", "nuclei", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == 2 and "U04: --host 0.0.0.0" in result.stderr and not served
    (tmp_path / "token").write_text("x" * 40)
    options = ("--host", "0.0.0.0", "--port", "0", "--token-file", tmp_path / "token")
    assert "warning: 0.0.0.0" in relook("serve", "nuclei", *options).stderr


def test_a_taken_port_is_told_before_models_are_loaded(relook: Run, served: list[Any]) -> None:
    with running.listen(port=0) as listener:
        port = listener.getsockname()[1]
        result = relook("serve", "no-such-model", "--port", str(port))
    assert result.exit_code == 1 and "R04: the server cannot listen" in result.stderr
    assert not served
    assert "U01" in relook("serve", "no-such-model", "--port", "0").stderr
