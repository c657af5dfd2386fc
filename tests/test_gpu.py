"""The same numbers on a GPU as on the CPU; skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
EVERYTHING = 10**6  # a sample this large draws all, so that nothing is random


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def _detector() -> Detector:
    torch.manual_seed(0)
    config = preset("detectors-htc-tiny").with_(
        cascade__sample__per_image=EVERYTHING, rpn__anchors__per_image=EVERYTHING
    )
    return build_detector(config)


def _batch() -> tuple[ImageBatch, list[Target]]:
    torch.manual_seed(1)
    size = ((160, 128),)
    masks = torch.zeros(2, 160, 128, dtype=torch.bool)
    masks[0, 20:60, 30:70] = True
    masks[1, 80:150, 10:50] = True
    boxes = torch.tensor([[30.0, 20, 70, 60], [10, 80, 50, 150]])
    semantic = (~masks.any(0)).to(torch.uint8)
    target = Target(boxes, torch.zeros(2).long(), crop_masks(masks), semantic)
    images = ImageBatch(torch.randn(1, 3, 160, 128), size, size, ((80, 64),), ((2.0, 2.0),))
    return images, [target]


def test_losses_and_gradients() -> None:
    images, targets = _batch()
    results = []
    for device in ("cpu", "cuda"):
        detector = _detector().to(device)
        losses = detector.loss(images.to(device), [t.to(device) for t in targets])
        torch.stack(list(losses.values())).sum().backward()
        grad = detector.features.backbones[1].layer2[0].conv2.weight.grad
        results.append(({n: v.item() for n, v in losses.items()}, grad.cpu()))
    (on_cpu, cpu_grad), (on_gpu, gpu_grad) = results
    assert on_gpu == pytest.approx(on_cpu, rel=1e-3, abs=1e-5)
    torch.testing.assert_close(
        gpu_grad, cpu_grad, rtol=1e-2, atol=1e-3 * cpu_grad.abs().max().item()
    )


def test_detections() -> None:
    images, _ = _batch()
    found = []
    for device in ("cpu", "cuda"):
        (one,) = _detector().to(device).eval().detect(images.to(device), max_detections=20)
        found.append(one)
    torch.testing.assert_close(found[1].scores.cpu(), found[0].scores, rtol=1e-3, atol=1e-4)
    assert found[1].mask_probabilities is not None and found[1].mask_probabilities.is_cuda


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_finite_losses(dtype: torch.dtype) -> None:
    images, targets = _batch()
    detector = _detector().to("cuda")
    with torch.autocast("cuda", dtype=dtype):
        losses = detector.loss(images.to("cuda"), [t.to("cuda") for t in targets])
    assert all(loss.isfinite() for loss in losses.values())
