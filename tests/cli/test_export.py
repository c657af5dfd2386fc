"""``relook export``, and the commands that take what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from typer.testing import Result

import relook as relook_package
from relook.api import load
from relook.errors import DataError, UsageError
from relook.export import writing
from relook.weights.file import save_model

from ..export.conftest import Small
from ..export.conftest import small as small
from .conftest import write_picture

Run = Callable[..., Result]


def test_a_model_is_exported_and_used(
    relook: Run, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        writing, "traced", lambda *_, **__: onnx.load_from_string(small.file.content)
    )
    saved = small.saved
    source, out = tmp_path / "nuts.safetensors", tmp_path / "nuts.onnx"
    save_model(source, saved.detector, saved.config, saved.classes, saved.extra)
    picture = write_picture(tmp_path / "a.png", 150, 120)

    result = relook("export", source, "--to", "onnx", "--out", out, "--check", picture)
    assert result.stdout.strip() == str(out)
    assert "MB, ONNX opset 20, weights of 32 bits, images of any size" in result.stderr
    assert f"compared with {source} on 1 image" in result.stderr
    assert f"next: relook predict IMAGES --model {out}" in result.stderr

    lines = [
        json.loads(relook("predict", picture, "--model", model, "--json", "-o", tmp_path).stdout)
        for model in (source, out)
    ]
    scores = [[found["score"] for found in line["objects"]] for line in lines]
    assert len(scores[0]) > 3
    assert scores[1] == pytest.approx(scores[0], abs=1e-4)


def test_the_name_is_that_of_the_model(
    relook: Run, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def write(saved: object, path: Path, **options: object) -> writing.Exported:
        asked.update(options, path=path)
        return writing.Exported(path, 10, writing.Difference(), 2, None)

    monkeypatch.setattr(writing, "write_onnx", write)
    relook("export", "nuclei", "--size", "640x960", "--fp16", "--max-dets", 900)
    assert asked["path"] == Path("nuclei.onnx")
    assert (asked["canvas"], asked["half"], asked["max_detections"]) == ((640, 960), True, 900)
    assert len(asked["source_sha256"]) == 64


@pytest.mark.parametrize("size", ["640", "640x", "axb", "640 960"])
def test_a_size_that_is_none(relook: Run, size: str) -> None:
    result = relook("export", "nuclei", "--size", size)
    assert result.exit_code == 2
    assert "height x width" in result.stderr


def test_an_onnx_file_is_not_exported_again(relook: Run, small: Small, tmp_path: Path) -> None:
    result = relook("export", small.path, "-o", tmp_path / "b.onnx")
    assert result.exit_code == 2
    assert "has no layers" in result.stderr


def test_it_is_a_public_function(tmp_path: Path) -> None:
    missing = tmp_path / "none.safetensors"
    with pytest.raises(DataError) as raised:
        relook_package.export_onnx(missing)
    assert raised.value.code == "D01"


def test_loading_gives_a_predictor(small: Small) -> None:
    predictor = load(small.path)
    assert (predictor.licence, predictor.shown_from) == ("CC0-1.0", 0.1)
    assert [category.name for category in predictor.classes] == ["nut", "bolt"]
    assert "onnxruntime" in predictor.describe()
    with pytest.raises(UsageError, match="CPU"):
        load(small.path, device="cuda")
