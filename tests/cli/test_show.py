"""``relook show``: presets, runs, files and configurations, on a page and written back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import Result

from relook import describe, overlay, preset
from relook.analysis import complexity
from relook.analysis.complexity import Complexity
from relook.config.model import ModelConfig
from relook.config.parts import Part
from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.layers.aspp import ASPP
from relook.models.build import build_detector
from relook.training.settings import Settings
from relook.weights.file import load_model, save_model

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complexity, "complexity", lambda _: Complexity({}, {}))


def made_by(text: str) -> ModelConfig:
    made: dict[str, ModelConfig] = {}
    exec(compile(text, "config.py", "exec"), made)
    return made["config"]


def test_a_preset(relook: Run) -> None:
    assert relook("show", "htc-tiny").stdout == f"{describe('htc-tiny')}\n"
    assert relook("show", "htc-tiny", "--as", "yaml").stdout == describe("htc-tiny").yaml()
    full = relook("show", "htc-tiny", "--as", "python", "--full").stdout
    assert full == describe("htc-tiny").python(full=True)


def test_models_that_were_trained(relook: Run, run_folder: Path) -> None:
    config = load_model(run_folder / "best.safetensors").config
    for source in (run_folder, run_folder / "best.safetensors"):
        told = relook("show", source)
        assert told.stdout.startswith("nuts\n= htc-tiny, with\n    num_classes: 1 -> 2\n")
        assert made_by(relook("show", source, "--as", "python").stdout) == config
    page = relook("show", "nuclei").stdout
    assert "eight in ten of 14962 training objects are 12.4 to 70.6 pixels across" in page
    nuclei = relook("show", "nuclei", "--as", "yaml").stdout
    changed = {"input": {"size": [960, 640]}}
    assert yaml.safe_load(nuclei) == {"model": {"preset": "detectors-htc-tiny", **changed}}


def test_a_run_names_its_preset_and_needs_no_model_yet(
    relook: Run, small: Settings, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(small.to_yaml())
    shown = relook("show", tmp_path, "--as", "yaml").stdout
    (tmp_path / "again.yaml").write_text(shown)
    tree = yaml.safe_load(shown)["model"]
    assert tree.pop("preset") == small.preset
    assert overlay(preset(small.preset), tree) == small.model
    assert relook("show", tmp_path / "again.yaml", "--as", "yaml").stdout == shown
    page = relook("show", tmp_path).stdout.splitlines()
    assert page[0] == tmp_path.name and page[1].startswith(f"= {small.preset}, with")


def test_parts_of_others_are_named_and_not_imported(
    relook: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = preset("detectors-htc-tiny").with_(
        backbone__blocks=(1, 1, 1, 1), parts__connector=Part.of(ASPP)
    )
    path = tmp_path / "own.safetensors"
    save_model(path, build_detector(config), config, [Category(1, "nut")])
    other = config.with_(parts__connector={"target": "nowhere_at_all:X"})
    described = describe(other, "own", "detectors-htc-tiny")
    (tmp_path / "own.yaml").write_text(described.yaml())
    monkeypatch.undo()  # now sizes are counted
    page = relook("show", tmp_path / "own.yaml").stdout
    assert "connector: nowhere_at_all:X()" in page
    assert "Parameters are not counted: the part nowhere_at_all:X" in page
    page = relook("show", tmp_path / "own.yaml", "--allow", "nowhere_at_all").stdout
    assert "is not there (ModuleNotFoundError" in page
    page = relook("show", path, "--allow", "relook").stdout
    assert "connector: relook.layers.aspp:ASPP()" in page and "features" in page

    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    metadata["config"] = metadata["config"].replace("relook.layers.aspp:ASPP", "nowhere_at_all:X")
    save_file(tensors, path, metadata)
    assert made_by(relook("show", path, "--as", "python").stdout) == other
    assert "connector: nowhere_at_all:X()" in relook("show", path).stdout


def test_what_cannot_be_shown(relook: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("model: {num_classes: 3}\n")
    for arguments, code, said in (
        (("htc-r5",), 2, "U01"),
        (("htc-r50", "--full"), 2, "U04"),
        ((tmp_path / "empty.yaml",), 2, "names no preset"),
        ((tmp_path / "gone.safetensors",), 3, "D01"),
        ((tmp_path,), 4, "M01"),
    ):
        result = relook("show", *arguments)
        assert result.exit_code == code and said in result.stderr, arguments
    with pytest.raises(UsageError):
        describe("htc-r5")
