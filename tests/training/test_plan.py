"""Sentences of the plan."""

from __future__ import annotations

from torch import nn

from relook.training.plan import part_lines, rate_reason
from relook.training.recipe import Recipe


def test_the_rate_says_where_it_comes_from() -> None:
    assert rate_reason(Recipe(batch=2)).startswith("sgd at 0.0025 = 0.02 x 2 / 16 (")
    assert "2 x 4 images a step" in rate_reason(Recipe(batch=2, accumulate=4))
    assert rate_reason(Recipe(lr=0.3)) == "sgd at 0.3 (train.lr)"


def test_frozen_and_trainable_parts_are_counted() -> None:
    frozen = nn.Linear(10, 10).requires_grad_(False)
    module = nn.ModuleDict(
        {"a": nn.Sequential(frozen, nn.Linear(10, 9)), "b": nn.Linear(2, 1), "c": nn.ReLU()}
    )
    assert part_lines(module) == ["part a: 99 trainable, 110 frozen", "part b: 3 trainable"]
