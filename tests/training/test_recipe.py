"""Recipes: defaults, scaling, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relook.config.base import overlay, validated
from relook.config.presets import PRESETS, preset
from relook.errors import UsageError
from relook.training.recipe import RECIPES, Recipe, from_scratch, recipe_for


def test_defaults_are_the_1x_schedule() -> None:
    recipe = Recipe()
    assert (recipe.epochs, recipe.step_epochs, recipe.batch) == (12, (8, 11), 16)
    assert (recipe.learning_rate, recipe.momentum, recipe.weight_decay) == (0.02, 0.9, 1e-4)
    assert (recipe.warmup_iterations, recipe.warmup_ratio) == (500, 0.001)
    assert recipe.keep_empty


@pytest.mark.parametrize(
    ("changes", "rate"),
    [({"batch": 2}, 0.0025), ({"batch": 2, "accumulate": 8}, 0.02), ({"lr": 0.3, "batch": 2}, 0.3)],
)
def test_auto_rate_scales_with_the_images_behind_one_step(
    changes: dict[str, Any], rate: float
) -> None:
    assert Recipe().with_(**changes).learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"augment": {"crop": [64, 64]}}, "scale_jitter"),
        ({"augment": {"crop": [64, 64], "scale_jitter": [2.0, 1.0]}}, "smallest"),
        ({"augment": {"paste_share": [0.5, 0.2]}}, "paste_share"),
        ({"augment": {"paste_share": [0.5, 1.2]}}, "paste_share"),
        ({"augment": {"copy_paste": 1.5}}, "copy_paste"),
        ({"augment": {"grey": -0.1}}, "grey"),
        ({"augment": {"blur": float("inf")}}, "blur"),
        ({"augment": {"noise": float("nan")}}, "noise"),
        ({"augment": {"paste_blend": -1}}, "paste_blend"),
        ({"augment": {"size": [[600, 800], [800, 600]]}}, "long"),
        ({"augment": {"size": [[800, 600], [700, 600]]}}, "smallest"),
        (
            {
                "augment": {
                    "size": [[8, 6], [8, 6]],
                    "crop": [6, 6],
                    "scale_jitter": [1.0, 1.0],
                }
            },
            "exclude",
        ),
        ({"step_epochs": [11, 8]}, "rise"),
        ({"lr": "fast"}, "lr"),
        ({"lr": float("nan")}, "lr"),
        ({"ema": 1.0}, "ema"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word) as caught:
        overlay(Recipe(), changes)
    assert caught.value.code == "U03"


def test_a_typo_is_answered_with_the_closest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'epochs'") as caught:
        validated(Recipe, {"epoch": 3})
    assert caught.value.code == "U02"


def test_recipes_belong_to_presets() -> None:
    assert set(RECIPES) <= set(PRESETS)
    assert recipe_for("detectors-htc-r101").step_epochs == (16, 19)
    assert recipe_for("htc-r50") == Recipe()


@pytest.mark.parametrize("name", PRESETS)
def test_what_was_added_to_augmentations_is_off_in_all_recipes(name: str) -> None:
    augment = recipe_for(name).augment
    assert (augment.grey, augment.blur, augment.noise, augment.copy_paste) == (0, 0, 0, 0)


def test_from_scratch_freezes_nothing_and_stores_no_statistics() -> None:
    before = preset("detectors-htc-r50")
    after = from_scratch(before)
    assert after.backbone.norm == "group"
    assert after.backbone.frozen_stages == 0
    assert after.backbone.weights is None
    assert after.with_(backbone=before.backbone) == before


def test_paths_are_kept_as_paths() -> None:
    assert Recipe().with_(semantic_maps="maps").semantic_maps == Path("maps")
