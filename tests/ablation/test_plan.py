"""Plans: one budget for every row, the order of the jobs, and what may go on in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.ablation.plan import PLAN, Budget, Plan, check_common, settings_for
from relook.ablation.rows import Row, choose_rows
from relook.errors import RelookError
from relook.runtime.locks import LOCK
from relook.training.recipe import UNLIMITED, Recipe, recipe_for
from relook.training.settings import Overlay, parse_assignments, read_overlay, resolve


@pytest.fixture
def data(tmp_path: Path) -> Overlay:
    """Two annotation files, of which only the bytes matter here."""
    paths = {name: tmp_path / f"{name}.json" for name in ("train", "val")}
    for path in paths.values():
        path.write_text("{}")
    files = {"train_json": paths["train"], "val_json": paths["val"]}
    return Overlay(data={**files, "train_images": tmp_path, "val_images": tmp_path})


def _plan(rows: str, data: Overlay, budget: Budget, *more: str, seeds: int = 2) -> Plan:
    common = [data, parse_assignments(more)]
    chosen = choose_rows(rows, "tiny")
    return Plan({row.name: settings_for(row, common, budget) for row in chosen}, seeds)


def test_a_budget_keeps_the_shape_of_the_schedule() -> None:
    recipe = Recipe(epochs=12, step_epochs=(8, 11))
    longer = Budget(epochs=24).spent_by(recipe)
    assert (longer.epochs, longer.step_epochs, longer.minutes) == (24, (16, 22), None)
    assert Budget(epochs=12).spent_by(recipe) == recipe
    assert Budget(epochs=1).spent_by(recipe).step_epochs == (1,)
    timed = Budget(minutes=2.5).spent_by(recipe)
    assert (timed.epochs, timed.minutes) == (UNLIMITED, 2.5)
    assert timed.step_epochs == (round(UNLIMITED * 2 / 3), round(UNLIMITED * 11 / 12))
    assert [str(Budget(epochs=3)), str(Budget(minutes=2.5))] == ["3 epochs", "2.5 minutes"]


def test_all_rows_have_the_same_budget_whatever_their_recipe(data: Overlay) -> None:
    chosen = choose_rows("dsc", "r50")  # the recipe of DSC is longer than that of the others
    trains = [settings_for(row, [data], Budget(epochs=12)).train for row in chosen]
    assert {(t.epochs, t.step_epochs) for t in trains} == {(12, (8, 11))}
    assert [t.gradient_clip for t in trains] == [None, 35.0, 35.0, 35.0]


def test_rows_win_over_what_all_share(data: Overlay) -> None:
    common = [data, parse_assignments(["pyramid.steps=2", "train.ema=0.9", "batch=3"])]
    row = Row("mine", "htc-tiny", {"model.pyramid.steps": 3, "train.ema": None})
    settings = settings_for(row, common, Budget(epochs=2))
    assert (settings.model.pyramid.steps, settings.train.ema) == (3, None)
    assert (settings.train.batch, settings.train.epochs) == (3, 2)


def test_the_rows_of_augmentations_resolve_and_differ(data: Overlay) -> None:
    rows = choose_rows(str(Path(__file__).parents[2] / "configs" / "ablate-augment.yaml"), "tiny")
    settings = {row.name: settings_for(row, [data], Budget(epochs=30)) for row in rows}
    base = settings["base"]
    assert base.train.augment == recipe_for("detectors-htc-tiny").augment
    assert len({one.to_yaml() for one in settings.values()}) == len(rows) >= 7
    anchors = settings.pop("anchors from 8").model
    assert anchors == base.model.with_(rpn__anchors__scale=2.0)
    larger = settings.pop("768 pixels")
    assert larger.model == base.model.with_(input__size=(768, 768))
    plain = settings.pop("htc+ws").model
    assert plain.pyramid.steps == 1 and plain.backbone.sac is None
    assert plain.backbone.weight_standardisation
    assert all(one.model == base.model for one in settings.values())
    assert settings["+copy-paste"].train.augment.copy_paste == 0.5
    assert settings["+ema"].train == base.train.with_(ema=0.995)
    together = settings["together"].train.augment
    assert together.copy_paste and together.blur and together.noise and together.colour == 0.4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.pyramid.stages": 3}, "U02: row mine: model: unknown key pyramid.stages"),
        ({"model.pyramid.steps": "many"}, "U03: row mine: model: pyramid.steps"),
        ({"train.emma": 0.9}, "U02: row mine: train: unknown key emma"),
        ({"train.patience": 3}, "U04: row mine: train.patience"),
        ({"train.seed": 3}, "U04: row mine: train.seed"),
    ],
)
def test_wrong_fields_name_the_row(data: Overlay, changes: dict[str, object], words: str) -> None:
    with pytest.raises(RelookError, match=words):
        settings_for(Row("mine", "htc-tiny", changes), [data], Budget(epochs=2))


def test_rows_must_be_scored_on_something(data: Overlay) -> None:
    files = {**data.data, "val_json": None, "val_images": None}
    with pytest.raises(RelookError, match="U04: nothing to score the rows on"):
        settings_for(Row("mine", "htc-tiny"), [Overlay(data=files)], Budget(epochs=2))


@pytest.mark.parametrize("text", ["epochs=3", "train.minutes=3", "seed=3"])
def test_the_budget_is_not_set_behind_its_back(text: str) -> None:
    with pytest.raises(RelookError, match=r"U04: --set train\.(epochs|minutes|seed)"):
        check_common(parse_assignments([text]))
    check_common(parse_assignments(["train.batch=3", "pyramid.steps=2"]))


def test_jobs_are_every_row_with_every_seed(data: Overlay, tmp_path: Path) -> None:
    plan = _plan("htc,+rfp", data, Budget(epochs=2))
    jobs = list(plan.jobs())
    assert [job.name for job in jobs] == ["htc-seed0", "+rfp-seed0", "htc-seed1", "+rfp-seed1"]
    (tmp_path / "settings.yaml").write_text(jobs[3].settings)
    read = resolve([read_overlay(tmp_path / "settings.yaml")])
    assert read == plan.rows["+rfp"].with_(train__seed=1)


def test_a_folder_goes_on_with_its_own_plan_only(data: Overlay, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    plan = _plan("htc,+rfp", data, Budget(epochs=2))
    plan.start(folder, resume=True)  # stopped before it began: there is nothing yet
    with pytest.raises(RelookError, match=r"U04: .* holds an ablation already.*--resume"):
        plan.start(folder, resume=False)
    plan.start(folder, resume=True)
    # More seeds, other loader processes: the numbers that are there stay right.
    _plan("htc,+rfp", data, Budget(epochs=2), "workers=3", seeds=5).start(folder, resume=True)

    for other, words in (
        (_plan("htc,+rfp", data, Budget(epochs=3)), "rows.htc.train.epochs: 2 then, 3 now"),
        (_plan("htc,+rfp", data, Budget(minutes=1)), "rows.htc.train.minutes: None then, 1.0 now"),
        (_plan("htc", data, Budget(epochs=2)), r"rows.\+rfp.preset: htc-tiny-rfp then, not there"),
        (_plan("htc,+rfp", data, Budget(epochs=2), "batch=1"), "train.batch: 2 then, 1 now"),
    ):
        with pytest.raises(RelookError, match=f"(?s)U04: .*another ablation.*{words}"):
            other.start(folder, resume=True)
    (tmp_path / "val.json").write_text("{} ")
    with pytest.raises(RelookError, match=r"(?s)U04: .*files.*val.json: .* then, .* now"):
        plan.start(folder, resume=True)


def test_settings_that_are_newer_than_a_plan_are_no_difference(
    data: Overlay, tmp_path: Path
) -> None:
    """A plan of an older relook: fields are missing that have their defaults in this one."""
    folder = tmp_path / "out"
    plan = _plan("htc,+rfp", data, Budget(epochs=2))
    plan.start(folder, resume=False)
    older = json.loads((folder / PLAN).read_text())
    for row in older["rows"].values():
        del row["train"]["ema"], row["data"]["leniency"]
        del row["model"]["rpn"]["train"]["min_bbox_size_rule"]
    (folder / PLAN).write_text(json.dumps(older))
    plan.start(folder, resume=True)
    with pytest.raises(RelookError, match=r"rows\.htc\.train\.ema: None then, 0\.9 now"):
        _plan("htc", data, Budget(epochs=2), "train.ema=0.9").start(folder, resume=True)
    # The preset has another value than the default, which is what the older one computed with.
    del older["rows"]["htc"]["model"]["rpn"]["anchors"]["scale"]
    (folder / PLAN).write_text(json.dumps(older))
    with pytest.raises(RelookError, match=r"rpn\.anchors\.scale: 8\.0 then, 4\.0 now"):
        plan.start(folder, resume=True)
    # Settings that this relook does not know are a difference.
    older["rows"]["htc"]["train"]["forgotten"] = 3
    (folder / PLAN).write_text(json.dumps(older))
    with pytest.raises(RelookError, match=r"train\.forgotten: 3 then, not there now"):
        plan.start(folder, resume=True)


def test_what_a_start_that_was_killed_leaves_is_no_hindrance(data: Overlay, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / LOCK).write_text("{}")
    (folder / ".plan.json.0123abcd.tmp").write_text("{")
    _plan("htc", data, Budget(epochs=2)).start(folder, resume=False)
    assert (folder / PLAN).is_file()


def test_a_plan_does_not_begin_among_other_things(data: Overlay, tmp_path: Path) -> None:
    plan = _plan("htc", data, Budget(epochs=2))
    with pytest.raises(RelookError, match=r"U04: .* holds other files"):
        plan.start(tmp_path, resume=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PLAN).write_text("{")
    with pytest.raises(RelookError, match=r"D03: .*plan.json is damaged"):
        plan.start(tmp_path / "out", resume=True)
    (tmp_path / "train.json").unlink()
    with pytest.raises(RelookError, match=r"D01: .*train.json: the file cannot be read"):
        plan.start(tmp_path / "new", resume=False)


def test_rows_do_not_share_a_folder(data: Overlay, tmp_path: Path) -> None:
    settings = settings_for(Row("a b", "htc-tiny"), [data], Budget(epochs=2))
    plan = Plan({"a b": settings, "A/B": settings}, 1)
    with pytest.raises(RelookError, match="U04: rows a b and A/B would share a folder"):
        plan.start(tmp_path / "out", resume=False)
    assert Plan({"../x y": settings}, 1).jobs().__next__().name == ".._x_y-seed0"
    assert json.loads(json.dumps(plan.content()))["format"] == 1
