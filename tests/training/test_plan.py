"""Sentences of the plan."""

from __future__ import annotations

from torch import nn

from relook.runtime.cluster import Place
from relook.training.plan import part_lines, process_lines, rate_reason
from relook.training.recipe import Recipe
from relook.training.settings import Settings


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


def test_processes_say_how_they_share(small: Settings) -> None:
    assert process_lines(small, Place()) == []
    (line,) = process_lines(small, Place(devices=4, nodes=2))
    assert line.startswith("processes: 8 on 2 machines, which share the 2 images of a step")
    assert "all processes count together" in line
    live = small.with_(model__backbone__norm="batch", train__normalise="process")
    shared, batch_norm = process_lines(live, Place(devices=2))
    assert "what it counts itself" in shared
    assert "not those of one process" in batch_norm
