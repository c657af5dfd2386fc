"""``python -m relook``."""

from __future__ import annotations

import subprocess
import sys

import relook


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "relook", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"relook {relook.__version__}\n"
