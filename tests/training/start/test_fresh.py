"""Beginnings without a model trained before: random numbers, ImageNet, a backbone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from relook.config.model import SACConfig
from relook.errors import ModelError, UsageError
from relook.interop.torchvision_models import read_torchvision
from relook.interop.zoo import zoo
from relook.models.detector import Detector
from relook.training.start import fresh
from relook.training.start.fresh import TORCHVISION_COCO, fresh_detector, seeded_detector
from relook.weights.file import load_model, save_model

from ...interop.test_torchvision_models import theirs
from ..conftest import CELL, TINY


def test_the_seed_decides_the_weights_and_touches_no_global_state() -> None:
    state = torch.get_rng_state()
    said: list[str] = []
    one, same = (fresh_detector(TINY, 5, said.append).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], same[name]) for name in one)
    other = fresh_detector(TINY, 6, said.append).state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert said[0] == "random weights, nothing learned before"


def test_missing_imagenet_weights_offer_to_go_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise ModelError("M06", "no internet; or --from-scratch")

    monkeypatch.setattr(fresh, "load_imagenet", refuse)
    with pytest.raises(ModelError, match="--from-scratch"):
        fresh_detector(TINY, 0, print)


def test_training_with_the_numerics_of_old_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model\.numerics=v2") as caught:
        fresh_detector(TINY.with_(numerics="v1"), 0, print)
    assert caught.value.code == "U04"


def _maps(detector: Detector) -> Sequence[Tensor]:
    """What the pyramid is made of, for one noisy image."""
    torch.manual_seed(4)
    features: Any = detector.eval().features
    with torch.no_grad():
        found: Sequence[Tensor] = features.backbones[0](torch.randn(1, 3, 96, 96))
    return found


def test_random_numbers_under_fixed_statistics_start_in_the_range_of_numbers() -> None:
    config = TINY.with_(backbone__norm="fixed_batch", backbone__blocks=(3, 4, 6, 3))
    said: list[str] = []
    started = _maps(fresh_detector(config, 0, said.append))
    assert max(float(one.abs().max()) for one in started) < 10
    assert "the last scale of each block starts at zero" in said[1]
    wild = _maps(seeded_detector(config, 0))
    assert float(wild[-1].abs().max()) > 100  # each block adds to what comes in


@pytest.fixture
def plain_file(tmp_path: Path) -> Path:
    """A model whose plain backbone has learned something."""
    detector = seeded_detector(TINY, 3)
    torch.manual_seed(5)
    for name, value in detector.state_dict().items():
        if "bn" in name:
            value.normal_(1 if name.endswith("weight") else 0, 0.2)
    path = tmp_path / "plain.safetensors"
    save_model(path, detector, TINY, CELL)
    return path


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"backbone__weight_standardisation": True},
        {"backbone__weight_standardisation": True, "backbone__sac": SACConfig()},
    ],
    ids=["plain", "standardised", "SAC"],
)
@pytest.mark.parametrize("steps", [1, 2])
def test_a_backbone_is_taken_over_into_every_look_and_computes_what_it_did(
    plain_file: Path, change: dict[str, Any], steps: int
) -> None:
    said: list[str] = []
    config = TINY.with_(pyramid__steps=steps, **change)
    found = fresh_detector(config, 0, said.append, plain_file)
    source = load_model(plain_file).detector
    features: Any = found.eval().features
    torch.manual_seed(4)
    pixels = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        expected = source.features.backbones[0](pixels)  # type: ignore[union-attr,index]
        for backbone in features.backbones:
            for ours, theirs in zip(backbone(pixels), expected, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(features.backbones) == steps
    assert said[0].startswith(f"backbone of {plain_file}")
    assert ("in each of 2 looks" in said[0]) == (steps == 2)


def test_all_but_the_backbone_is_what_the_seed_makes_it(plain_file: Path) -> None:
    ours = fresh_detector(TINY, 7, lambda _: None, plain_file).state_dict()
    random = fresh_detector(TINY, 7, lambda _: None).state_dict()
    differ = {name for name in ours if not torch.equal(ours[name], random[name])}
    assert differ
    assert all("backbone" in name for name in differ)


def test_backbones_that_are_not_plain_or_of_another_width_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    config = TINY.with_(backbone__weight_standardisation=True)
    save_model(path, seeded_detector(config, 0), config, CELL)
    with pytest.raises(ModelError, match=r"M04: .*has standardised weights, and train.backbone"):
        fresh_detector(TINY, 0, print, path)
    narrow = TINY.with_(backbone__width=8)
    save_model(path, seeded_detector(narrow, 0), narrow, CELL)
    with pytest.raises(ModelError, match=r"M04: .*of another shape .*same blocks, width"):
        fresh_detector(TINY, 0, print, path)


def test_two_starts_of_the_backbone_are_refused(plain_file: Path) -> None:
    config = TINY.with_(backbone__norm="fixed_batch", backbone__weights="resnet50")
    with pytest.raises(UsageError, match=r"U04: .*are two starts"):
        fresh_detector(config, 0, print, plain_file)


def test_torchvision_coco_is_fetched_once_and_starts_every_part_it_has(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = theirs(masks=True, second=False, frozen=True)
    content = io.BytesIO()
    torch.save(model.state_dict(), content)
    name = f"maskrcnn-{hashlib.sha256(content.getvalue()).hexdigest()[:8]}.pth"
    web.files[name] = content.getvalue()
    file = replace(zoo.find("mask-rcnn-r50", "torchvision"), url=f"{web.url}/zoo/{name}")
    monkeypatch.setattr(zoo, "find", lambda *_: file)
    monkeypatch.setenv("RELOOK_CACHE", str(tmp_path / "cache"))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    config = read_torchvision(shapes).config.with_(
        numerics="v2", backbone__sac=SACConfig(), backbone__weight_standardisation=True
    )
    for _ in range(2):
        said: list[str] = []
        detector = fresh_detector(config, 0, said.append, Path(TORCHVISION_COCO))
    assert len(web.requests) == 1
    features: Any = detector.features
    weight = model.state_dict()["backbone.fpn.inner_blocks.2.0.weight"]
    assert torch.equal(features.fpn.laterals[2].weight, weight)
    assert "trained on COCO: backbone, pyramid and region proposals" in said[0]
    assert "switches of SAC" in said[1] and "BSD" in said[2]
