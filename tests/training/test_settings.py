"""Precedence, files, ``--set``, and the round trip of a resolved configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.config.cascades import DSCConfig
from relook.config.model import ModelConfig
from relook.config.published import PUBLISHED, PublishedTraining
from relook.errors import DataError, UsageError
from relook.training.recipe import Recipe
from relook.training.settings import (
    DataConfig,
    Overlay,
    Settings,
    parse_assignments,
    read_overlay,
    resolve,
)

CONFIGS = Path(__file__).parents[2] / "configs"
PAPER = CONFIGS / "dsc-paper.yaml"  # an overlay
UNTRAINED = {  # by anybody who published a schedule of ours
    "detectors-dsc-r50",
    "detectors-fast-dsc-r50",
    "detectors-panoptic-r50",
    "faster-rcnn-r50",
    "mask-rcnn-r50",
    "faster-rcnn-r50-v2",
    "mask-rcnn-r50-v2",
    "mask-rcnn-r18",
    "htc-r18",
    "detectors-htc-r18",
}
DATA = Overlay(data={"train_json": Path("t.json"), "train_images": Path("images")})


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_later_changes_win(tmp_path: Path) -> None:
    file = read_overlay(
        written(
            tmp_path,
            "model: {preset: htc-r50, cascade: {sample: {per_image: 99}}}\n"
            "train: {epochs: 3, batch: 5}",
        )
    )
    settings = resolve([DATA, file, Overlay(train={"batch": 6}), parse_assignments(["epochs=4"])])
    assert settings.preset == "htc-r50"
    assert settings.model.cascade.sample.per_image == 99
    assert settings.model.cascade.masks  # what is not named stays
    assert (settings.train.epochs, settings.train.batch) == (4, 6)


def test_option_wins_over_the_preset_of_the_file(tmp_path: Path) -> None:
    file = read_overlay(written(tmp_path, "model: htc-r50"))
    assert resolve([file, DATA], preset_name="htc-tiny").preset == "htc-tiny"


def test_resolved_settings_survive_their_file(tmp_path: Path) -> None:
    changes = parse_assignments(
        [
            "semantic=null",
            "cascade.select.nms_iou=0.4",
            "augment.colour=0.3",
            "data.val_json=v.json",
        ]
    )
    settings = resolve([DATA, changes], preset_name="detectors-htc-tiny")
    assert settings.model.semantic is None
    assert settings.data.val_images == Path("images")
    again = resolve([read_overlay(written(tmp_path, settings.to_yaml()))])
    assert again == settings


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("epochs=3", "train"),
        ("train.epochs=3", "train"),
        ("rpn.anchors.scale=2", "model"),
        ("model.rpn.anchors.scale=2", "model"),
    ],
)
def test_set_finds_where_a_key_belongs(text: str, path: str) -> None:
    assert getattr(parse_assignments([text]), path)


def test_no_field_name_is_ambiguous() -> None:
    names = [set(kind.model_fields) for kind in (ModelConfig, Recipe, DataConfig)]
    assert sum(map(len, names)) == len(set.union(*names))
    assert not set.union(*names) & {"model", "train", "data", "preset"}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("epoch=3", "U02", "did you mean 'epochs'"),
        ("cascade.sample.per_imag=3", "U02", "did you mean 'per_image'"),
        ("train.augment.colr=1", "U02", "did you mean 'colour'"),
        ("epochs", "U03", "key=value"),
        ("epochs=[1", "U03", "--set"),
        ("epochs=many", "U03", "epochs"),
        ("model.num_classes=x", "U03", "num_classes"),
    ],
)
def test_mistakes_in_set_are_explained(text: str, code: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        resolve([DATA, parse_assignments([text])], preset_name="htc-tiny")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("modell: htc-r50", "U02"),
        ("model: [1]", "U03"),
        ("model: {preset: 3}", "U03"),
        ("- a list", "U03"),
        ("model: {", "U03"),
        ("format: 99", "U03"),
        ("model: !!python/object/apply:os.system ['true']", "U03"),
    ],
)
def test_files_that_are_no_configuration_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(UsageError, match=r"c\.yaml") as caught:
        read_overlay(written(tmp_path, text))
    assert caught.value.code == code


def test_missing_pieces_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="D01"):
        read_overlay(tmp_path / "no.yaml")
    with pytest.raises(UsageError, match="--model"):
        resolve([DATA])
    with pytest.raises(UsageError, match="--train-json"):
        resolve([], preset_name="htc-tiny")
    with pytest.raises(UsageError, match="did you mean 'htc-tiny'"):
        resolve([DATA], preset_name="htc-tyni")


def resolved_published(row: PublishedTraining) -> Settings:
    changes = [DATA, Overlay(schedule=row.schedule), parse_assignments(row.assignments)]
    return resolve(changes, preset_name=row.preset)


def test_every_preset_for_coco_has_a_published_training() -> None:
    from relook.config.presets import PRESETS

    named = {row.preset for row in PUBLISHED}
    assert named == {name for name in PRESETS if "tiny" not in name} - UNTRAINED


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row.preset}-{row.schedule}")
def test_published_trainings_resolve(row: PublishedTraining) -> None:
    settings = resolved_published(row)
    recipe = settings.train
    assert recipe.learning_rate == pytest.approx(0.02)
    assert (recipe.keep_empty, recipe.min_image_side, recipe.batch) == (False, 32, 16)
    assert (recipe.epochs, recipe.step_epochs) == {
        "1x": (12, (8, 11)),
        "20e": (20, (16, 19)),
        "40e": (40, (36, 39)),
    }[row.schedule]
    assert (recipe.semantics == "maps") == (settings.model.semantic is not None)
    assert (recipe.gradient_clip == 35.0) == ("dsc" in row.preset or row.schedule == "40e")
    largest = {"40e": 1200}.get(row.schedule, 1400 if "dcn" in row.preset else None)
    assert [short for _, short in recipe.augment.size or ()] == ([400, largest] if largest else [])
    assert row.source and (row.mask is None or settings.model.cascade.masks)


def test_a_schedule_is_weaker_than_what_its_source_says_and_stronger_than_the_preset(
    tmp_path: Path,
) -> None:
    file = read_overlay(written(tmp_path, "schedule: 20e\nmodel: htc-tiny\ntrain: {epochs: 5}"))
    recipe = resolve([file, DATA]).train
    assert (recipe.epochs, recipe.step_epochs, recipe.schedule) == (5, (16, 19), "step")
    assert recipe.optimizer == "adamw"  # of the preset; a schedule does not say
    painted = Overlay(schedule="1x", train={"semantics": "instances"})
    assert resolve([file, painted, DATA]).train.semantics == "instances"
    with pytest.raises(UsageError, match=r"U01.*did you mean '20e'"):
        resolve([DATA, Overlay(schedule="20")], preset_name="htc-r50")
    with pytest.raises(UsageError, match=r"U03.*schedule must be a name"):
        read_overlay(written(tmp_path, "schedule: 1"))


@pytest.mark.parametrize("name", ["composed", "pretrain"])
def test_configurations_of_the_studies_load_and_start_with_their_command(name: str) -> None:
    path = CONFIGS / "studies" / f"{name}.yaml"
    assert f"--config configs/studies/{name}.yaml " in path.read_text().splitlines()[0]
    settings = resolve([Overlay(preset="htc-tiny"), DATA, read_overlay(path)])
    assert settings.train.augment.scale_jitter == (1.2, 2.4)  # the same windows
    assert (settings.model.semantic is None) == (name == "pretrain")


@pytest.mark.parametrize(("name", "size"), [("dsc-r50", 14), ("fast-dsc-r50", 7)])
def test_the_paper_is_an_overlay_for_every_dsc(name: str, size: int) -> None:
    file = read_overlay(PAPER)
    assert file.preset is None and not file.train
    settings = resolve([file, DATA], preset_name=name)
    assert settings.model.cascade == DSCConfig.paper().with_(guidance__side=size)


def test_the_paper_makes_a_dsc_of_another_cascade() -> None:
    settings = resolve([read_overlay(PAPER), DATA], preset_name="htc-r50")
    assert settings.model.cascade == DSCConfig.paper()
