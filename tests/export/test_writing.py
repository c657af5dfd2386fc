"""A file is written when it finds what the model finds, and only then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from relook.errors import ModelError, RelookError, UsageError
from relook.export import writing
from relook.export.comparison import Difference
from relook.export.reading import read_onnx
from relook.export.writing import write_onnx

from .conftest import Small, noise


@pytest.fixture
def _traced(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of another export, the graph of the one that there is."""
    monkeypatch.setattr(
        writing, "traced", lambda *_, **__: onnx.load_from_string(small.file.content)
    )


@pytest.mark.usefixtures("_traced")
def test_the_difference_is_told_and_small(small: Small, tmp_path: Path) -> None:
    exported = write_onnx(small.saved, tmp_path / "a.onnx", images=[noise(100, 80)])
    assert exported.difference.objects > 3
    assert exported.difference.box < 1e-3
    assert (exported.images, exported.bytes) == (1, exported.path.stat().st_size)


@pytest.mark.usefixtures("_traced")
def test_metadata_is_what_a_user_needs(small: Small, tmp_path: Path) -> None:
    write_onnx(small.saved, tmp_path / "a.onnx", source_sha256="cd" * 32)
    model = onnx.load(tmp_path / "a.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["class_names"]) == ["nut", "bolt"]
    assert json.loads(metadata["score"]) == 0.1
    assert json.loads(metadata["licence"]) == "CC0-1.0"
    assert json.loads(metadata["relook_onnx"])["source_sha256"] == "cd" * 32
    assert "/" not in "".join(node.doc_string for node in model.graph.node)
    assert not any(node.metadata_props for node in model.graph.node)  # no paths of the source


@pytest.mark.usefixtures("_traced")
def test_weights_in_16_bits_take_less(small: Small, tmp_path: Path) -> None:
    exported = write_onnx(small.saved, tmp_path / "half.onnx", half=True)
    assert 0 < exported.difference.box < 1
    assert exported.bytes < 0.75 * len(small.file.content)
    assert read_onnx(exported.path).facts.stored == "float16"


@pytest.mark.usefixtures("_traced")
def test_a_file_that_differs_is_not_written(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = Difference(objects=9, box=0.5)
    monkeypatch.setattr(writing, "compared", lambda *_: apart)
    with pytest.raises(ModelError, match=r"boxes by 0\.5") as raised:
        write_onnx(small.saved, tmp_path / "a.onnx")
    assert raised.value.code == "M09"
    assert not (tmp_path / "a.onnx").exists()


@pytest.mark.usefixtures("_traced")
def test_a_file_that_cannot_be_written(small: Small, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file, not a folder")
    with pytest.raises(RelookError) as raised:
        write_onnx(small.saved, tmp_path / "a" / "b.onnx")
    assert raised.value.code == "R02"


def test_what_cannot_be_said_is_refused_first(small: Small, tmp_path: Path) -> None:
    config = small.saved.config.with_(cascade__select__suppression="soft_nms")
    with pytest.raises(ModelError, match="soft-NMS"):
        write_onnx(small.saved._replace(config=config), tmp_path / "a.onnx")


def test_a_canvas_that_makes_no_sense(small: Small, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="size") as raised:
        write_onnx(small.saved, tmp_path / "a.onnx", canvas=(0, 100))
    assert raised.value.code == "U03"


def test_a_canvas_is_rounded_up() -> None:
    assert writing._rounded((1, 97)) == (96, 128)


def test_another_model_is_found_to_differ(small: Small) -> None:
    from ..narrow_models import detector_of

    other = small.saved._replace(detector=detector_of(small.saved.config, seed=5))
    apart = writing.compared(other, small.network, [noise(100, 80)])
    assert replace(apart, unmatched=0) != replace(apart, unmatched=1)
    assert apart.unmatched > 3
