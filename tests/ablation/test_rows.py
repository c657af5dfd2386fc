"""Rows: names, groups, files; every one builds, and is what its neighbour is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relook.ablation.rows import EQUALS, GROUPS, ROWS, SCALES, Row, choose_rows
from relook.config.base import overlay
from relook.config.cascades import DSCConfig
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.errors import RelookError


def _config(row: Row) -> ModelConfig:
    return overlay(preset(row.model), row.overlay().model)


def _names(text: str) -> list[str]:
    return [row.name for row in choose_rows(text, "tiny")]


def test_names_groups_and_files_are_expanded_in_order(tmp_path: Path) -> None:
    assert _names("main") == ["htc", "+rfp", "+sac", "both"]
    assert _names("both, rfp,both") == [
        "both", "+rfp", "rfp+sharing", "rfp-aspp", "rfp-fusion", "rfp+3x",
    ]  # fmt: skip
    file = tmp_path / "mine.yaml"
    file.write_text(
        "rows:\n  htc:\n    model: htc-tiny\n"
        "  no flips: {model: htc-r50, set: {train.augment.flip: 0, model.pyramid.steps: 3}}\n"
    )
    assert _names(f"main,{file}") == ["htc", "+rfp", "+sac", "both", "no flips"]
    row = choose_rows(str(file), "tiny")[1]
    assert row.model == "htc-r50" and not row.is_a_preset
    assert row.overlay().train == {"augment": {"flip": 0}}
    assert row.overlay().model == {"pyramid": {"steps": 3}}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("group", GROUPS)
def test_the_rows_of_a_group_are_different_models(group: str, scale: str) -> None:
    configs = {row.name: _config(row) for row in choose_rows(group, scale)}
    assert len({config.model_dump_json() for config in configs.values()}) == len(GROUPS[group])


def test_rows_are_what_the_papers_call_so() -> None:
    of = {name: _config(row.at("r50")) for name, row in ROWS.items()}
    assert len({config.model_dump_json() for config in of.values()}) == len(ROWS)
    rfp, sac = of["+rfp"], of["+sac"]
    assert of["htc"] == preset("htc-r50") and of["both"] == preset("detectors-htc-r50")
    assert of["htc+ws"].backbone == rfp.backbone  # all that is left to differ is the pyramid
    assert of["rfp+sharing"] == rfp.with_(pyramid__share_backbone=True)
    assert of["rfp+3x"].pyramid.steps == 3
    plain = sac.with_(backbone__sac__deformable=False)
    assert of["sac-dcn"] == plain
    assert of["sac-dcn-global"] == plain.with_(backbone__sac__context=False)
    assert of["sac-dcn-locking"] == plain.with_(backbone__sac__locked=False)
    assert of["sac-dcn+ds"] == plain.with_(backbone__sac__switch="dual")
    assert of["htc-semantics"].semantic is None
    assert isinstance(of["dsc-equations"].cascade, DSCConfig)
    assert of["dsc-equations"].cascade == DSCConfig.paper()
    for name in GROUPS["guidance"]:
        assert of[name].with_(cascade=of["fast-dsc"].cascade) == of["fast-dsc"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows: {a: {model: htc-tyni}}", "U01.*row a: unknown model 'htc-tyni'; did you mean"),
        ("rows: {a: {modle: htc-tiny}}", "U02.*row a: unknown key modle; did you mean 'model'"),
        ("row: {}", "U02.*unknown key row; did you mean 'rows'"),
        ("rows: {}", "U03.*rows must be a mapping"),
        ("rows: [a, b]", "U03.*rows must be a mapping"),
        ("rows: {a: htc-tiny}", "U03.*row a: expected a mapping with model, set"),
        ("rows: {a: {set: {}}}", "U03.*row a: model must be the name of a preset"),
        ("rows: {a: {model: htc-tiny, set: [1]}}", "U03.*row a: set must be a mapping"),
        ("rows: {a: {model: htc-tiny, set: {1: 2}}}", "U03.*row a: set must be a mapping"),
        ("rows: {a: [", "U03.*not a YAML file"),
        ("", "U03.*expected a mapping with rows"),
        ("rows: {htc: {model: htc-r50}}", "U04.*two rows that differ are called htc"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "rows.yaml").write_text(text)
    with pytest.raises(RelookError, match=words):
        choose_rows(f"htc,{tmp_path / 'rows.yaml'}", "tiny")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htc,+rpf", r"U01.*unknown row '\+rpf'; did you mean '\+rfp'"),
        (" , ", "U03.*no row is named"),
        ("none.yaml", "D01.*none.yaml: the rows cannot be read"),
    ],
)
def test_names_that_are_none_say_what_there_is(text: str, words: str) -> None:
    with pytest.raises(RelookError, match=words):
        choose_rows(text, "tiny")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("pyramid.steps", "U02: row a: unknown key pyramid.steps; keys begin with model. or"),
        ("model", "U02: row a: unknown key model"),
        ("train.", "U02: row a: unknown key train."),
        ("train.epochs", "U04: row a: train.epochs is the same for all rows"),
        ("train.minutes", "U04: row a"),
        ("train.seed", "U04: row a"),
    ],
)
def test_a_row_changes_fields_of_the_model_and_the_recipe_only(key: str, words: str) -> None:
    with pytest.raises(RelookError, match=words):
        Row("a", "htc-tiny", {key: 1}).overlay()


def test_the_file_of_the_page_has_rows(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "ablations.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "rows.yaml").write_text(block)
    rows = choose_rows(str(tmp_path / "rows.yaml"), "tiny")
    assert [row.name for row in rows] == ["base", "three looks", "no jitter", "averaged"]
    for row in rows:
        assert (_config(row) == preset(row.model)) is row.is_a_preset


def _differences(first: object, second: object, path: str = "") -> list[str]:
    """Paths of the fields that differ; of a part that only one has, its own path."""
    if isinstance(first, dict) and isinstance(second, dict):
        return [
            found
            for key in first | second
            for found in _differences(first.get(key), second.get(key), f"{path}.{key}")
        ]
    return [] if first == second else [path]


@pytest.mark.parametrize(("name", "partner"), EQUALS)
def test_rows_that_are_compared_differ_in_one_setting(name: str, partner: str) -> None:
    pair = [_config(ROWS[one].at("r50")).model_dump() for one in (name, partner)]
    assert len(_differences(*pair)) == 1, _differences(*pair)
