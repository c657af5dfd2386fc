"""Schedules of theirs as fields of a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_training import carry_training
from relook.training.recipe import Recipe


def _carry(values: dict[str, Any]) -> Account:
    account = Account(values, ModelConfig())
    carry_training(account)
    Recipe.model_validate(account.recipe)  # whatever came out is a recipe
    return account


_LINEAR = {"type": "LinearLR", "start_factor": 0.5, "by_epoch": False, "begin": 0, "end": 100}


@pytest.mark.parametrize(
    ("values", "recipe"),
    [
        ({}, {}),
        ({"optimizer": {"type": "SGD", "lr": 0.1}}, {"optimizer": "sgd", "reference_lr": 0.1}),
        (
            {"optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 1e-4, "weight_decay": 0.05}}},
            {"optimizer": "adamw", "reference_lr": 1e-4, "weight_decay": 0.05},
        ),
        (
            {"optimizer": {"lr": 0.1}, "data": {"samples_per_gpu": 1}},
            {"reference_lr": 0.1, "reference_batch": 8},
        ),
        (
            {"optimizer": {"lr": 0.1}, "auto_scale_lr": {"base_batch_size": 64}},
            {"reference_lr": 0.1, "reference_batch": 64},
        ),
        ({"optim_wrapper": {"type": "AmpOptimWrapper"}}, {"precision": "16-mixed"}),
        ({"fp16": {"loss_scale": 512.0}}, {"precision": "16-mixed"}),
        ({"total_epochs": 36}, {"epochs": 36}),
        ({"runner": {"type": "EpochBasedRunner", "max_epochs": 20}}, {"epochs": 20}),
        ({"train_cfg": {"max_epochs": 5, "val_interval": 2}}, {"epochs": 5, "validate_every": 2}),
        (
            {"lr_config": {"policy": "step", "step": [3, 5], "warmup": "linear"}},
            {"schedule": "step", "step_epochs": (3, 5)},
        ),
        ({"lr_config": {"policy": "CosineAnnealing", "min_lr": 0}}, {"schedule": "cosine"}),
        (
            {"param_scheduler": [_LINEAR, {"type": "MultiStepLR", "milestones": [27, 33]}]},
            {
                "schedule": "step",
                "step_epochs": (27, 33),
                "warmup_iterations": 100,
                "warmup_ratio": 0.5,
            },
        ),
        ({"param_scheduler": {"type": "CosineAnnealingLR"}}, {"schedule": "cosine"}),
        ({"optimizer_config": {"grad_clip": {"max_norm": 35}}}, {"gradient_clip": 35}),
        ({"optim_wrapper": {"clip_grad": {"max_norm": 1.5}}}, {"gradient_clip": 1.5}),
        (
            {"train_dataloader": {"dataset": {"filter_cfg": {"filter_empty_gt": False}}}},
            {"keep_empty": True},
        ),
        (
            {
                "train_pipeline": [
                    {"type": "RandomResize", "scale": [(1333, 640), (1333, 800)]},
                    {"type": "RandomFlip", "prob": 0.25},
                ]
            },
            {"augment": {"size": ((1333, 640), (1333, 800)), "flip": 0.25}},
        ),
    ],
)
def test_schedules(values: dict[str, Any], recipe: dict[str, Any]) -> None:
    account = _carry(values)
    assert account.recipe == recipe
    assert account.conflicts == account.ignored == []


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": {"type": "Lion"}},
        {"optimizer": {"type": "SGD", "momentum": 2}},
        {"optimizer": {"lr": -1}},
        {"optimizer": {"lr": "high"}},
        {"total_epochs": 0},
        {"runner": {"type": "IterBasedRunner"}},
        {"train_cfg": {"type": "IterBasedTrainLoop"}},
        {"lr_config": {"policy": "poly"}},
        {"lr_config": {"policy": "step", "step": [5, 3]}},
        {"lr_config": {"policy": "step", "gamma": 0.5}},
        {"lr_config": {"warmup": "exp"}},
        {"param_scheduler": [{"type": "PolyLR"}]},
        {"param_scheduler": [{"type": "LinearLR", "by_epoch": True}]},
        {"optimizer_config": {"grad_clip": {"max_norm": 35, "norm_type": 1}}},
        {
            "train_pipeline": [
                {"type": "Resize", "img_scale": [(1, 2), (3, 4)], "multiscale_mode": "value"}
            ]
        },
        {"total_epochs": 12, "runner": {"max_epochs": 20}},
    ],
)
def test_what_is_other_is_said(values: dict[str, Any]) -> None:
    account = _carry(values)
    assert account.conflicts or account.ignored
