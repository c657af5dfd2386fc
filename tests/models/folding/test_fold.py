"""A folded detector detects what the detector does, and leaves it alone."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lively import assert_same_detections, assert_same_features, lively_twin
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from twins import NAMES, batch

from relook import api
from relook.config.presets import preset
from relook.inference.predictor import Predictor
from relook.layers.norm import FixedBatchNorm2d
from relook.models.backbones.resnet import ResNet
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.models.folding import fold
from relook.models.folding.features import FoldedRecursiveFeaturePyramid, FoldedResNet
from relook.models.folding.layers import FoldedConv2d, FoldedLinear
from relook.ops.cpu import onednn, winograd
from relook.ops.cpu import switch as fast

DATASETS = Path(__file__).resolve().parents[3] / "datasets"
SOME = [n for n in NAMES if "tiny" in n or "r50" in n or n == "detectors-htc-x101-32x4d"]
IMAGES = batch((80, 96), (96, 72))


@torch.no_grad()
def _assert_same(folded: Detector, detector: Detector) -> None:
    with fast.plain():
        expected, pyramid = detector.detect(IMAGES), detector.features(IMAGES.pixels)
    assert_same_features(folded.features(IMAGES.pixels), pyramid)
    for found, wanted in zip(folded.detect(IMAGES), expected, strict=True):
        assert len(wanted) > 5
        assert_same_detections(found, wanted)


@pytest.mark.parametrize("name", SOME)
def test_every_kind_of_network_detects_the_same(name: str) -> None:
    detector = lively_twin(name)
    folded = fold(detector)
    assert any(isinstance(module, FoldedResNet) for module in folded.modules())
    _assert_same(folded, detector)


@pytest.mark.parametrize("name", SOME)
def test_with_all_convolutions_filtered(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As wide ones of large maps are."""
    monkeypatch.setattr(winograd, "has_fast_products", lambda: True)
    monkeypatch.setattr(winograd, "_WEIGHTS", 0)
    monkeypatch.setattr(winograd, "_LEAST", 0)
    detector = lively_twin(name)
    folded = fold(detector)
    convolutions = [one for one in folded.modules() if isinstance(one, FoldedConv2d)]
    assert onednn.is_available() == any(one.filters for one in convolutions)
    _assert_same(folded, detector)


@pytest.mark.parametrize(
    "changes",
    [
        {"pyramid__share_backbone": True},
        {"pyramid__connector": "none"},
        {"pyramid__fusion": "none"},
        {"pyramid__feedback_stages": (True, True, False, True)},
        {"pyramid__steps": 3, "pyramid__share_backbone": True},
        {"numerics": "v1"},
        {"backbone__sac": None},
        {"backbone__norm": "group"},
        {"semantic": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_switches(changes: dict[str, Any]) -> None:
    detector = lively_twin("detectors-htc-tiny", **changes)
    _assert_same(fold(detector), detector)


def test_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_available", lambda: False)
    detector = lively_twin("detectors-htc-tiny")
    folded = fold(detector)
    assert not any(m.packed for m in folded.modules() if isinstance(m, FoldedConv2d))
    _assert_same(folded, detector)


@functools.cache
def _nuclei() -> Predictor:
    return api.load("nuclei", device="cpu")


@pytest.mark.parametrize("folder", ["nuclei", "mushrooms"])
def test_on_real_photographs(folder: str) -> None:
    predictor = _nuclei()
    total = 0
    for path in sorted((DATASETS / folder / "images").glob("*.jpg"))[:2]:
        options: Any = {"size": (320, 256), "score": 0.02}
        predictor.fast = True
        found = predictor.predict(path, **options)
        predictor.fast = False
        expected = predictor.predict(path, **options)
        assert len(found) == len(expected)
        total += len(found)
        distance = np.abs(found.boxes[:, None] - expected.boxes[None]).max(-1)
        partner = distance.argmin(1)
        assert len(set(partner.tolist())) == len(found)
        np.testing.assert_allclose(found.boxes, expected.boxes[partner], rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(found.scores, expected.scores[partner], rtol=0, atol=1e-3)
        assert np.array_equal(found.labels, expected.labels[partner])
    assert total > 10


def test_nothing_found_has_the_same_shapes() -> None:
    detector = lively_twin("detectors-htc-tiny")
    pairs = zip(
        *(d.detect(IMAGES, score_threshold=1.0) for d in (fold(detector), detector)), strict=True
    )
    for ours, theirs in pairs:
        assert ours.boxes.shape == theirs.boxes.shape == (0, 4)
        assert ours.mask_probabilities is not None
        assert ours.mask_probabilities.shape == (0, 28, 28)


@pytest.mark.parametrize("name", ["detectors-htc-tiny", "cascade-r50"])
@torch.no_grad()
def test_the_original_stays_as_it_is(name: str) -> None:
    detector = lively_twin(name).train()
    detector.rpn.eval()
    modes = {key: module.training for key, module in detector.named_modules()}
    state = {key: (t.clone(), t.data_ptr()) for key, t in detector.state_dict().items()}
    trained = [p.requires_grad for p in detector.parameters()]
    classes = [type(module) for module in detector.modules()]
    folded = fold(detector)
    folded.detect(IMAGES)
    assert not any(module.training for module in folded.modules())
    assert {key: module.training for key, module in detector.named_modules()} == modes
    assert [type(module) for module in detector.modules()] == classes
    assert [p.requires_grad for p in detector.parameters()] == trained
    for key, tensor in detector.state_dict().items():
        kept, address = state[key]
        assert torch.equal(tensor, kept) and tensor.data_ptr() == address
    _assert_same(folded, detector.eval())


def test_unfolded_tensors_are_shared() -> None:
    detector = lively_twin("detectors-htc-tiny", backbone__norm="group")
    addresses = {p.data_ptr(): p.numel() for p in detector.parameters()}
    shared = [p for p in fold(detector).parameters() if p.data_ptr() in addresses]
    norms = [m for m in detector.features.modules() if isinstance(m, nn.GroupNorm)]
    ours = {p.data_ptr() for p in shared}
    assert norms and all({n.weight.data_ptr(), n.bias.data_ptr()} <= ours for n in norms)


def test_a_module_that_is_used_twice_stays_one() -> None:
    detector = lively_twin("htc-tiny")
    cascade: Any = detector.cascade
    cascade.box_heads[1] = cascade.box_heads[0]
    cascade.box_heads[0].fc2 = cascade.box_heads[0].fc2  # under two names, in two lists
    folded: Any = fold(detector).cascade
    assert folded.box_heads[0] is folded.box_heads[1] is not cascade.box_heads[0]
    assert folded.box_heads[0] is not folded.box_heads[2]
    assert isinstance(folded.box_heads[0].fc1, FoldedLinear)


class _Reader(nn.Module):
    """A user's module, which reads the weights of its children, as nn.TransformerEncoder does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.conv = nn.Conv2d(16, 16, 1)
        self.mix = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(16, 16, 1)))
        self.empty = nn.ModuleList()

    def forward(self, pixels: Tensor) -> list[Tensor]:
        levels = [
            nn.functional.conv2d(level, self.conv.weight) + self.mix(level).tanh()
            for level in self.inner(pixels)
        ]
        return [torch.einsum("bchw,oc->bohw", x, self.conv.weight[:, :, 0, 0]) for x in levels]


def test_a_users_modules_are_taken_as_they_are() -> None:
    detector = lively_twin("htc-tiny")
    torch.manual_seed(0)
    detector.features = _Reader(detector.features).eval()
    folded: Any = fold(detector)
    assert type(folded.features) is _Reader and folded.features is not detector.features
    assert folded.features.conv.weight is detector.features.conv.weight
    _assert_same(folded, detector)
    detector.train()
    assert not any(module.training for module in folded.modules())


class _Bright(ResNet):
    """A user's backbone."""

    def forward(self, pixels: Tensor, feedback: list[Tensor] | None = None) -> list[Tensor]:
        return super().forward(pixels.clamp(min=-0.5), feedback)


@pytest.mark.parametrize("look", [0, 1])
def test_a_users_backbone_beside_a_known_one(look: int) -> None:
    detector = lively_twin("detectors-htc-tiny")
    features: Any = detector.features
    features.backbones[look].__class__ = _Bright
    folded: Any = fold(detector)
    assert not isinstance(folded.features, FoldedRecursiveFeaturePyramid)
    assert isinstance(folded.features.backbones[1 - look], FoldedResNet)
    _assert_same(folded, detector)


def test_statistics_of_the_batch_are_not_folded() -> None:
    detector = lively_twin("htc-tiny")
    for module in detector.modules():
        if isinstance(module, FixedBatchNorm2d):
            module.__class__ = nn.BatchNorm2d
            module.running_mean = module.running_var = None
            module.track_running_stats = False
    folded = fold(detector)
    kept = [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(kept) == sum(isinstance(m, nn.BatchNorm2d) for m in detector.modules())
    _assert_same(folded, detector)


def test_parts_with_hooks_are_left_as_they_are() -> None:
    torch.manual_seed(0)
    detector = build_detector(preset("detectors-htc-tiny")).eval()
    seen: list[torch.Size] = []
    block = detector.features.get_submodule("backbones.1.layer2.0")
    block.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    pixels = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        folded = fold(detector).features(pixels)
        assert len(seen) == 1
        for ours, plain in zip(folded, detector.features(pixels), strict=True):
            torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
