"""The command line as a whole: help, versions, errors, and how fast it answers."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import relook as package
from relook.cli.app import app, main
from relook.errors import ModelError

Run = Callable[..., Result]


def test_ctrl_c_before_a_command_has_begun_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("relook.cli.app.app", interrupted)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130


def test_pillow_does_not_warn_of_images_below_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of a test are gone after it; warnings are errors here."""

    def opened() -> None:
        text = "Image size (100000000 pixels) exceeds limit of 89478485 pixels, could be ..."
        warnings.warn(text, Image.DecompressionBombWarning, stacklevel=1)

    monkeypatch.setattr("relook.cli.app.app", opened)
    main()


def test_help_is_light_and_lists_the_commands() -> None:
    program = (
        "import sys; sys.argv = ['relook', '--help']\n"
        "from relook.cli.app import main\n"
        "try:\n    main()\n"
        "finally:\n    heavy = {'torch', 'torchvision', 'lightning', 'cv2', 'numpy', 'PIL'}\n"
        "    print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "heavy: []" in result.stdout
    for command in ("train", "eval", "predict", "models", "weights"):
        assert command in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        *("train", "eval", "predict", "models", "weights"),
        *("weights list", "weights get", "weights verify", "weights import"),
    ],
)
def test_every_command_explains_itself(relook: Run, command: str) -> None:
    result = relook(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_version(relook: Run) -> None:
    result = relook("--version")
    assert result.exit_code == 0
    assert result.stdout == f"relook {package.__version__}\n"


def test_without_a_command_there_is_help(relook: Run) -> None:
    assert "predict" in relook().output


def test_an_unknown_command(relook: Run) -> None:
    result = relook("predikt")
    assert result.exit_code == 2
    assert "predikt" in result.stderr


def test_debug_shows_where_an_error_arose(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    arguments = ["predict", str(picture), "--model", "htc-tiny"]
    plain = CliRunner().invoke(app, arguments)
    assert plain.exit_code == 4
    assert plain.stderr.startswith("model error M01: htc-tiny")
    debug = CliRunner().invoke(app, ["--debug", *arguments])
    assert isinstance(debug.exception, ModelError)
