"""Beginnings: random numbers, ImageNet, a model trained before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from relook.config import overlay
from relook.data.coco import Category
from relook.errors import ModelError
from relook.presets import preset
from relook.training import start
from relook.training.start import class_dependent, continued_detector, fresh_detector
from relook.weights import SavedModel

TINY = overlay(
    preset("htc-tiny"),
    {
        "backbone": {"blocks": [1, 1, 1, 1]},
        "pyramid": {"channels": 32},
        "cascade": {"box_hidden": 16, "mask_channels": 16},
    },
)
CELL = (Category(1, "cell"),)


def test_the_seed_decides_the_weights_and_touches_no_global_state() -> None:
    state = torch.get_rng_state()
    said: list[str] = []
    one, same = (fresh_detector(TINY, 5, said.append).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], same[name]) for name in one)
    other = fresh_detector(TINY, 6, said.append).state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert said[0] == "start: random weights, nothing learned before"


def test_missing_imagenet_weights_offer_to_go_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise ModelError("M06", "no internet; or --from-scratch")

    monkeypatch.setattr(start, "load_imagenet", refuse)
    with pytest.raises(ModelError, match="--from-scratch"):
        fresh_detector(TINY, 0, print)


def test_class_dependent_layers_are_found() -> None:
    names = class_dependent(TINY)
    assert names
    assert all(name.startswith(("cascade", "semantic")) for name in names)
    assert len(names) < 20


def test_weights_of_another_architecture_are_refused() -> None:
    saved = SavedModel(fresh_detector(TINY, 0, lambda _: None), TINY, CELL, {})
    wider = TINY.with_(pyramid__channels=64)
    with pytest.raises(ModelError, match="do not fit") as caught:
        continued_detector(wider, CELL, saved, Path("a.safetensors"), 0, print)
    assert caught.value.code == "M04"


def test_a_renamed_class_is_a_new_class() -> None:
    saved = SavedModel(fresh_detector(TINY, 0, lambda _: None), TINY, CELL, {})
    said: list[str] = []
    other = (Category(1, "stone"),)
    found = continued_detector(TINY, other, saved, Path("a.safetensors"), 1, said.append)
    before, after = saved.detector.state_dict(), found.state_dict()
    new = class_dependent(TINY)
    assert all(torch.equal(after[name], before[name]) for name in after if name not in new)
    assert any(not torch.equal(after[name], before[name]) for name in new)
    assert any(f"{len(new)} tensors depend on the classes" in line for line in said)


def test_a_semantic_branch_can_be_added() -> None:
    plain = TINY.with_(semantic=None)
    saved = SavedModel(fresh_detector(plain, 0, lambda _: None), plain, CELL, {})
    found = continued_detector(TINY, CELL, saved, Path("a.safetensors"), 1, lambda _: None)
    assert found.semantic is not None
