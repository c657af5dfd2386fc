"""The example of a program without relook finds what relook finds, and imports nothing else."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from relook.api import load

from .conftest import Small, noise

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "onnx_plain.py"
COLUMNS = 6  # name, score, box


def test_it_finds_the_same_objects(
    small: Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = np.repeat(np.repeat(noise(16, 24, 4), 8, axis=0), 8, axis=1)  # 128 x 192, as it is
    source, target = tmp_path / "image.ppm", tmp_path / "objects.pgm"
    source.write_bytes(b"P6 192 128 255\n" + image.tobytes())
    monkeypatch.setattr(sys, "argv", ["onnx_plain.py", str(small.path), str(source), str(target)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    result = load(small.path).predict(image)
    assert len(result) == len(lines) > 3
    assert [line[0] for line in lines] == result.names
    assert [float(line[1]) for line in lines] == pytest.approx(result.scores, abs=6e-4)
    boxes = np.array([[float(value) for value in line[2:]] for line in lines])
    assert boxes == pytest.approx(result.boxes, abs=0.06)
    numbers = np.frombuffer(target.read_bytes()[-2 * 128 * 192 :], ">u2")
    assert 0 < len(set(numbers.tolist()) - {0}) <= len(result)


def test_it_needs_numpy_and_onnxruntime_only() -> None:
    imported = set()
    for node in ast.walk(ast.parse(EXAMPLE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert imported - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}
