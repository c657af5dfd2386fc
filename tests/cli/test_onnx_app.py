"""The command line of relook-onnx; without PyTorch it is run in `tests/export`."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from relook import __version__
from relook.cli import onnx_app


def test_it_has_prediction_and_a_version() -> None:
    runner = CliRunner()
    assert runner.invoke(onnx_app.app, ["--version"]).output == f"relook-onnx {__version__}\n"
    shown = runner.invoke(onnx_app.app, ["--help"]).output
    assert "predict" in shown and "train " not in shown


def test_it_says_that_both_packages_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx_app, "warning", lambda: "both are installed")
    monkeypatch.setattr(sys, "argv", ["relook", "--version"])
    with pytest.raises(SystemExit):
        onnx_app.main()
    out, err = capsys.readouterr()
    assert (out, err) == (f"relook-onnx {__version__}\n", "both are installed\n")


def test_errors_have_their_exit_codes() -> None:
    result = CliRunner().invoke(onnx_app.app, ["predict", "nothing.png", "--model", "none.onnx"])
    assert result.exit_code == 3
    assert "D01" in result.output
