"""What must hold for every preset.

The large models are built on the meta device for names, shapes and counts; how they behave is
tested on twins that differ in width fields only.
"""

from __future__ import annotations

import golden_keys
import pytest
import torch
from twins import NAMES, WIDTHS, batch, target, twin, twin_config

from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet import convert
from relook.layers import AWSConv2d, SAConv2d
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.models.pyramids.rfp import RecursiveFeaturePyramid

# Parameters without buffers, and entries of the state dict, of the reference's models.
COUNTS = {
    "cascade-r50": (69_394_766, 364),
    "cascade-mask-r50": (77_324_606, 400),
    "htc-r50": (80_258_293, 426),
    "htc-r101": (99_250_421, 732),
    "htc-x101-32x4d": (98_878_965, 732),
    "htc-x101-64x4d": (138_156_533, 732),
    "cascade-r50-rfp": (94_152_079, 910),
    "cascade-r50-sac": (84_264_239, 613),
    "htc-r50-rfp": (105_015_606, 972),
    "htc-r50-sac": (95_127_766, 675),
    "detectors-cascade-r50": (123_891_025, 1196),
    "detectors-htc-r50": (134_754_552, 1258),
    "detectors-htc-r101": (200_096_738, 2448),
    "detectors-htc-x101-32x4d": (195_696_610, 2448),
    "detectors-htc-x101-64x4d": (403_186_658, 2448),
    "dsc-r50": (83_105_368, 470),
    "fast-dsc-r50": (83_105_368, 470),
    "dsc-r101": (102_097_496, 776),
    "dsc-x101-32x4d": (101_726_040, 776),
    "dsc-x101-64x4d-dcn": (146_146_676, 836),
}
TRAINABLE = {
    "detectors-htc-r50": 134_303_864,
    "dsc-r50": 82_880_024,
    "fast-dsc-r50": 82_880_024,
    "dsc-r101": 101_872_152,
    "dsc-x101-32x4d": 101_510_680,
    "dsc-x101-64x4d-dcn": 145_743_924,
}
IMAGES = batch((80, 96), (96, 72))
OBJECTS = [[10.0, 10, 60, 60], [40, 30, 70, 75], [2, 2, 12, 14]]
MIDDLING = batch((120, 128), (128, 100))
LARGE = batch((300, 320))  # holds an anchor and a RoI of every level
# Fewer rows of what the presets have 512 to 2000 of; they go the same way.
FEW_ROWS = {
    "rpn__train__candidates": 200,
    "rpn__train__proposals": 200,
    "rpn__test__candidates": 200,
    "rpn__test__proposals": 100,
    "cascade__sample__per_image": 64,
}


def _on_meta(config: ModelConfig) -> Detector:
    with torch.device("meta"):
        return build_detector(config)


@pytest.mark.parametrize("name", COUNTS)
def test_size_is_the_references(name: str) -> None:
    detector = _on_meta(preset(name))
    parameters = sum(p.numel() for p in detector.parameters())
    assert (parameters, len(detector.state_dict())) == COUNTS[name]


@pytest.mark.parametrize("name", TRAINABLE)
def test_trainable_parameters_are_the_references(name: str) -> None:
    trainable = [p for p in _on_meta(preset(name)).parameters() if p.requires_grad]
    assert sum(p.numel() for p in trainable) == TRAINABLE[name]


@pytest.mark.parametrize("name", golden_keys.MODELS)
def test_names_and_shapes_translate_exactly(name: str) -> None:
    theirs = {key: torch.empty(shape, device="meta") for key, shape in golden_keys.shapes(name)}
    detector = _on_meta(golden_keys.config(name))
    ours = {key: value.shape for key, value in detector.state_dict().items()}
    assert {key: value.shape for key, value in convert(theirs).items()} == ours


def test_fast_dsc_has_the_tensors_of_dsc() -> None:
    slow, fast = (_on_meta(preset(name)).state_dict() for name in ("dsc-r50", "fast-dsc-r50"))
    assert {k: v.shape for k, v in slow.items()} == {k: v.shape for k, v in fast.items()}


@pytest.mark.parametrize("name", [n for n in NAMES if "tiny" in n])
def test_the_tiny_line_is_small_and_complete(name: str) -> None:
    detector = _on_meta(preset(name))
    assert sum(p.numel() for p in detector.parameters()) < 6_000_000
    cascade = preset(name).cascade
    assert len(cascade.stages) == 3
    assert (detector.semantic is not None) == cascade.masks
    detectors = name.startswith("detectors-")
    looks_twice = isinstance(detector.features, RecursiveFeaturePyramid)
    assert looks_twice == (detectors or name == "htc-tiny-rfp")
    sac = [m for m in detector.modules() if isinstance(m, SAConv2d)]
    assert bool(sac) == (detectors or name == "htc-tiny-sac")
    assert all(m.offset_far is not None for m in sac)


@pytest.mark.parametrize("name", NAMES)
def test_a_twin_differs_in_widths_only(name: str) -> None:
    def flat(config: ModelConfig) -> dict[str, object]:
        fields: dict[str, object] = {}
        for part, values in config.model_dump().items():
            if isinstance(values, dict):
                fields |= {f"{part}.{key}": value for key, value in values.items()}
            else:
                fields[part] = values
        return fields

    ours, theirs = flat(twin_config(name)), flat(preset(name))
    assert {key for key in ours if ours[key] != theirs[key]} <= set(WIDTHS)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_finite_and_every_trained_parameter_has_a_gradient(name: str) -> None:
    detector = twin(name, **FEW_ROWS).train()
    # Without the semantic branch only anchors and RoIs of its size train a level.
    images = MIDDLING if preset(name).semantic else LARGE
    objects = [*OBJECTS, [25.0, 30, 290, 285]] if images is LARGE else OBJECTS
    targets = [target(name, objects, size) for size in images.sizes]
    with torch.no_grad():
        losses = detector.loss(images, targets)
    assert all(loss.isfinite() and loss >= 0 for loss in losses.values()), losses

    # What starts at zero hides its neighbours; moved off zero, everything takes part.
    with torch.no_grad():
        for parameter in detector.parameters():
            if not parameter.any() or (parameter == 1).all():
                parameter.add_(torch.randn_like(parameter) * 0.01)
    losses = detector.loss(images, targets)
    sum(losses.values(), torch.zeros(())).backward()
    idle = [
        n
        for n, p in detector.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert not idle
    frozen = [n for n, p in detector.named_parameters() if not p.requires_grad]
    assert all("conv1" in n or "bn1" in n or "layer1" in n for n in frozen)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_additions_start_at_identity(name: str) -> None:
    """A fresh SAC network is the plain network, a fresh recursive pyramid its first look."""
    detector = twin(name)
    features = detector.features
    pyramid = features(IMAGES.pixels)
    if isinstance(features, RecursiveFeaturePyramid):
        first = features.fpn(features.backbones[0](IMAGES.pixels))
        for ours, once in zip(pyramid, first, strict=True):
            torch.testing.assert_close(ours, once, rtol=1e-4, atol=1e-5)
    if any(isinstance(m, SAConv2d) for m in detector.modules()):
        plain = twin(name, backbone__sac=None, backbone__weight_standardisation=False)
        state = detector.state_dict()
        wanted = plain.state_dict()
        plain.load_state_dict({key: state[key] for key in wanted}, strict=True)
        for ours, other in zip(pyramid, plain.features(IMAGES.pixels), strict=True):
            torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-4 * other.abs().max().item())
    standardised = [m for m in detector.modules() if isinstance(m, AWSConv2d)]
    for conv in standardised:
        torch.testing.assert_close(conv.standardised(), conv.weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_images_without_objects_train_and_without_detections_have_shapes(name: str) -> None:
    detector = twin(name, **FEW_ROWS)
    targets = [target(name, [], size) for size in IMAGES.sizes]
    losses = detector.loss(IMAGES, targets)
    assert all(loss.isfinite() for loss in losses.values())
    assert all(losses[key] == 0 for key in losses if key.endswith((".box", ".mask")))
    sum(losses.values(), torch.zeros(())).backward()
    assert all(p.grad is not None for p in detector.parameters() if p.requires_grad)

    for found in detector.detect(IMAGES, score_threshold=1.0):
        assert found.boxes.shape == (0, 4) and found.scores.shape == found.labels.shape == (0,)
        if preset(name).cascade.masks:
            assert found.mask_probabilities is not None
            assert found.mask_probabilities.shape == (0, 28, 28)
        else:
            assert found.mask_probabilities is None


@pytest.mark.parametrize("name", NAMES)
def test_a_neighbours_content_does_not_matter(name: str) -> None:
    """At equal padded size; global means see the padding, so its size would."""
    detector = twin(name, **FEW_ROWS).eval()
    first, second = detector.detect(IMAGES, score_threshold=0.0, max_detections=20)
    (alone,) = detector.detect(batch((80, 96)), score_threshold=0.0, max_detections=20)
    assert len(first) == len(alone) == 20
    assert (first.scores.diff() <= 0).all()  # best first, as results rely on
    torch.testing.assert_close(first.boxes, alone.boxes, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(first.scores, alone.scores, rtol=1e-3, atol=1e-5)
    assert not torch.equal(first.boxes, second.boxes)
