"""Tokens: asked for where others reach the server, never needed in the list of processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.cli import server_options
from relook.cli.server_options import TOKEN_VARIABLE, check_app, token_of
from relook.errors import DataError, UsageError

SECRET = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


def test_this_machine_needs_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert token_of(None, None, "127.0.0.1") is None
    assert token_of(SECRET, None, "localhost") == SECRET
    assert capsys.readouterr().err == ""


def test_others_need_one_and_a_warning_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"U04: --host 0\.0\.0\.0: other machines.*--token-file"):
        token_of(None, None, "0.0.0.0")
    file = tmp_path / "token"
    file.write_text(SECRET + "\n")
    assert token_of(None, file, "0.0.0.0") == SECRET
    warning = capsys.readouterr().err
    assert "warning: 0.0.0.0 can be reached" in warning and SECRET not in warning
    monkeypatch.setenv(TOKEN_VARIABLE, SECRET)
    assert token_of(None, None, "0.0.0.0") == SECRET


def test_tokens_that_protect_nothing_are_refused(tmp_path: Path) -> None:
    for bad in ("short", "with some spaces in it", "nicht-ASCII-aber-lang-ü"):
        with pytest.raises(UsageError, match="U03: the token must have 16"):
            token_of(bad, None, "127.0.0.1")
    with pytest.raises(UsageError, match="U04: --token and --token-file"):
        token_of(SECRET, tmp_path / "token", "127.0.0.1")
    with pytest.raises(DataError, match="D01"):
        token_of(None, tmp_path / "token", "127.0.0.1")
    with pytest.raises(DataError, match="D03"):
        token_of(None, tmp_path, "127.0.0.1")
    (tmp_path / "token").touch()
    with pytest.raises(UsageError, match="U03"):
        token_of(None, tmp_path / "token", "127.0.0.1")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_app()
    monkeypatch.setattr(server_options, "_PACKAGES", ("uvicorn", "no_such_package"))
    with pytest.raises(UsageError, match=r"U04: a server needs no_such_package.*relook\[app\]"):
        check_app()
