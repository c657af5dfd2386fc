"""The command line of relook-onnx; without PyTorch it is run in `tests/export`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from relook import __version__
from relook.cli import onnx_app


def test_it_has_prediction_and_a_version() -> None:
    runner = CliRunner()
    assert runner.invoke(onnx_app.app, ["--version"]).output == f"relook-onnx {__version__}\n"
    shown = runner.invoke(onnx_app.app, ["--help"]).output
    assert "predict" in shown and "train " not in shown


def test_errors_have_their_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(onnx_app.app, ["predict", "nothing.png", "--model", "none.onnx"])
    assert result.exit_code == 3
    assert "D01" in result.output
