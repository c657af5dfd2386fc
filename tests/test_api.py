"""The one door: what every kind of name or path becomes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import relook
from relook.api import build, load
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.errors import DataError, ModelError, RelookError, UsageError
from relook.inference import precision
from relook.model_files import find_model
from relook.weights.file import save_model
from relook.weights.shipped import shipped_file

from .narrow_models import narrow_config

CLASSES = (Category(1, "cell"),)


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    """A model with hardly any width."""
    return narrow_config(input__size=(96, 96))


@pytest.fixture(scope="module")
def run(config: ModelConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a best and an older model in it."""
    folder = tmp_path_factory.mktemp("run")
    for name, score in (("best", 0.5), ("older", 0.25)):
        path = folder / f"{name}.safetensors"
        save_model(path, build(config), config, CLASSES, {"shown_from": score})
    return folder


def test_a_file_a_path_and_a_run_folder(run: Path) -> None:
    for given in (run, str(run), run / "best.safetensors", str(run / "best.safetensors")):
        model = relook.load(given, device="cpu")
        assert isinstance(model, relook.Predictor)
        assert model.classes == CLASSES
        assert model.shown_from == 0.5
        assert model.device.type == "cpu"
    result = model.predict(np.zeros((50, 60, 3), np.uint8))
    assert isinstance(result, relook.Result)
    assert (result.scores >= 0.5).all()


def test_without_a_best_model_the_last_one_counts(run: Path, tmp_path: Path) -> None:
    content = (run / "older.safetensors").read_bytes()
    for age, name in enumerate(("newest", "oldest")):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content if name == "newest" else b"would fail")
        os.utime(path, (1e9 - age, 1e9 - age))
    assert load(tmp_path, device="cpu").shown_from == 0.25


@pytest.mark.parametrize("stored", [None, "high", -1.0, 3.0, True])
def test_a_stored_score_that_is_none(config: ModelConfig, tmp_path: Path, stored: object) -> None:
    save_model(tmp_path / "m.safetensors", build(config), config, CLASSES, {"shown_from": stored})
    assert load(tmp_path / "m.safetensors", device="cpu").shown_from == 0.3


def test_a_presets_name_is_never_random_weights() -> None:
    with pytest.raises(ModelError, match="M01") as caught:
        load("detectors-htc-r50")
    assert "relook train --model detectors-htc-r50" in str(caught.value)
    assert """relook.load('detectors-htc-r50', weights="coco")""" in str(caught.value)
    assert caught.value.exit_code == 4
    with pytest.raises(ModelError, match="M01") as caught:
        load("htc-tiny")
    assert "coco" not in str(caught.value)  # nobody published weights of it


def test_names_of_published_weights() -> None:
    with pytest.raises(ModelError, match=r"M01.*htc-tiny"):
        load("htc-tiny", weights="coco")
    with pytest.raises(UsageError, match=r"U01.*did you mean 'htc-r50'"):
        load("htc-r5", weights="coco")
    with pytest.raises(UsageError, match=r"U04.*htc_r50_fpn_1x_coco"):
        load("detectors-htc-r50", weights="htc_r50_fpn_1x_coco")


def test_the_licence_of_weights_of_others(
    config: ModelConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, build(config), config, CLASSES, {"licence": "CC BY-NC 4.0"})
    model = load(path, device="cpu")
    assert model.licence == "CC BY-NC 4.0"
    assert "licence of its weights: CC BY-NC 4.0" in repr(model)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "m.safetensors: weights that others trained" in caplog.text
    save_model(path, build(config), config, CLASSES, {"licence": 3})
    assert load(path, device="cpu").licence is None


def test_own_weights_have_no_licence_to_show(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = load(run, device="cpu")
    assert model.licence is None
    assert "licence" not in repr(model)
    assert not caplog.records


def test_a_typo_in_a_name() -> None:
    with pytest.raises(UsageError, match=r"U01.*did you mean 'detectors-htc-r50'"):
        load("detector-htc-r50")
    with pytest.raises(UsageError, match=r"U01.*did you mean 'htc-tiny'"):
        build("htc-tinny")


def test_a_path_that_is_not_there(run: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*did you mean 'best\.safetensors'"):
        load(run / "bset.safetensors")
    with pytest.raises(DataError, match="D01"):
        load("nowhere/at/all")


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["a.pth", "a.PT", "a.bin", "a.pkl", "a.safetensors", "a"])
def test_checkpoints_of_others_are_not_unpickled(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ModelError, match=r"M0[27]"):
        load(path)
    assert not (tmp_path / "sprung").exists()


def test_foreign_checkpoints_that_cannot_be_imported(tmp_path: Path) -> None:
    state = {"head.weight": torch.zeros(3)}
    torch.save({"state_dict": state}, tmp_path / "detectors.pth")
    with pytest.raises(ModelError, match=r"M0[24].*detectors\.pth"):
        load(tmp_path / "detectors.pth")


def test_a_folder_called_like_a_preset(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "htc-tiny").mkdir()
    with pytest.raises(ModelError, match=r"M01.*names an architecture"):
        load("htc-tiny")
    content = (run / "best.safetensors").read_bytes()
    (tmp_path / "htc-tiny" / "best.safetensors").write_bytes(content)
    assert load("htc-tiny", device="cpu").classes == CLASSES


def test_a_model_that_comes_with_relook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("nuclei") == find_model(Path("nuclei")) == shipped_file("nuclei")
    (tmp_path / "nuclei" / "images").mkdir(parents=True)  # a data set, as in datasets/
    assert find_model("nuclei") == shipped_file("nuclei")
    assert load("nuclei", device="cpu").config.num_classes == 1
    assert not caplog.records


def test_what_is_here_goes_before_what_comes_with_relook(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nuclei").mkdir()
    (tmp_path / "nuclei" / "best.safetensors").write_bytes((run / "best.safetensors").read_bytes())
    assert load("nuclei", device="cpu").classes == CLASSES
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(Path("nuclei") / "best.safetensors") in record.getMessage()


def test_a_typo_in_a_shipped_name() -> None:
    with pytest.raises(UsageError, match=r"U01.*did you mean 'nuclei'"):
        load("nuclie")


def test_build_is_the_bare_module() -> None:
    with torch.device("meta"):
        detector = relook.build("htc-tiny", num_classes=4)
    assert isinstance(detector, relook.Detector)
    assert detector.cascade.num_classes == 4
    assert detector.semantic is not None
    assert detector.semantic.logits.out_channels == 5  # objects of each class, and background


def test_build_keeps_a_semantic_branch_over_other_classes() -> None:
    with torch.device("meta"):
        detector = build("htc-r50", num_classes=4)
    assert detector.semantic is not None
    assert detector.semantic.logits.out_channels == 183


def test_build_with_changes() -> None:
    with torch.device("meta"):
        detector = build("htc-tiny", backbone__norm="batch", semantic=None, pyramid__channels=32)
        same = build(preset("htc-tiny").with_(pyramid__channels=32))
    assert detector.semantic is None
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in detector.modules())
    assert detector.rpn.conv.out_channels == same.rpn.conv.out_channels == 32
    with pytest.raises(UsageError, match=r"U02.*backbone\.norms.*did you mean 'norm'"):
        build("htc-tiny", backbone__norms="batch")
    with pytest.raises(UsageError, match=r"U03.*num_classes"):
        build("htc-tiny", num_classes=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp16", "device": "cpu"}, "U04.*precision fp16 is for GPUs"),
        ({"precision": "bf16", "device": "cpu"}, "U04.*no instructions for it"),
        ({"device": "cuda:99"}, "R04.*device cuda:99 is not there"),
        ({"device": "gpu"}, "U03.*device 'gpu' is not known"),
    ],
)
def test_what_the_machine_lacks_is_told_before_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    (tmp_path / "damaged.safetensors").write_bytes(b"no model")
    with pytest.raises(RelookError, match=message):
        relook.load(tmp_path / "damaged.safetensors", **options)
    with pytest.raises(RelookError, match=message):  # and before one is fetched
        relook.load("detectors-r50", weights="coco", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"precision": "bf16"}, "U04.*computes as it was"), ({"device": "cuda"}, "U04.*on the CPU")],
)
def test_what_an_onnx_file_lacks_is_told_before_it_is_read(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match=message):
        relook.load(tmp_path / "damaged.onnx", **options)
