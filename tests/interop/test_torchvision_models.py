"""Detectors of torchvision, with random weights, against torchvision itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import (
    FastRCNNConvFCHead,
    FastRCNNPredictor,
    RPNHead,
    TwoMLPHead,
)
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops.misc import FrozenBatchNorm2d

from relook.data.batching import batch_images
from relook.errors import ModelError
from relook.interop.importing import Imported, import_checkpoint
from relook.interop.torchvision_models import names_of, read_torchvision
from relook.models.folding import fold
from relook.ops.cpu import switch
from relook.ops.pasting import PASTES

CHANNELS, HIDDEN, CLASSES = 32, 64, 91
SIZE = (150, 215)  # the last map is not half of the one before


def theirs(*, masks: bool, second: bool, frozen: bool = False) -> Any:
    """A narrow detector of torchvision with random weights that give scores of all kinds."""
    torch.manual_seed(5)
    norm: Any = nn.BatchNorm2d if second else None
    stem: Any = FrozenBatchNorm2d if frozen else nn.BatchNorm2d
    body = ResNet(Bottleneck, [1, 1, 1, 1], norm_layer=stem)
    layers = {f"layer{i + 1}": str(i) for i in range(4)}
    widths = [256 * 2**i for i in range(4)]
    backbone = BackboneWithFPN(body, layers, widths, CHANNELS, norm_layer=norm)
    options: dict[str, Any] = {
        "box_head": FastRCNNConvFCHead((CHANNELS, 7, 7), [CHANNELS] * 4, [HIDDEN], norm_layer=norm)
        if second
        else TwoMLPHead(CHANNELS * 49, HIDDEN),
        "box_predictor": FastRCNNPredictor(HIDDEN, CLASSES),
        "rpn_head": RPNHead(CHANNELS, 3, conv_depth=2 if second else 1),
        "min_size": SIZE[0],
        "max_size": SIZE[1],
        "box_score_thresh": 0.02,
    }
    if masks:
        options["mask_head"] = MaskRCNNHeads(CHANNELS, [CHANNELS] * 4, 1, norm_layer=norm)
        options["mask_predictor"] = MaskRCNNPredictor(CHANNELS, CHANNELS, CLASSES)
    model = (MaskRCNN if masks else FasterRCNN)(backbone, **options).eval()
    if frozen:
        for module in model.modules():
            if isinstance(module, FrozenBatchNorm2d):
                module.eps = 0.0
    _stir(model)
    return model


def _stir(model: nn.Module) -> None:
    scales = {"rpn.head.cls_logits": 0.3, "cls_score": 2.5, "bbox_pred": 0.05, "mask_fcn": 0.2}
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            scale = next((s for part, s in scales.items() if f"{part}" in name), None)
            if name.endswith("running_var"):
                value.uniform_(0.8, 1.2)
            elif name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif "bn3.weight" in name:
                value.fill_(0.3)
            elif scale is not None and name.endswith("weight"):
                value.normal_(0, scale)


def picture() -> Tensor:
    noise = torch.rand(1, 3, 17, 23, generator=torch.Generator().manual_seed(2))
    smooth = nn.functional.interpolate(noise, size=SIZE, mode="bilinear")[0]
    return (smooth * 255).byte()


def imported(model: nn.Module, folder: Path, **options: Any) -> Imported:
    torch.save(model.state_dict(), folder / "theirs.pth")
    return import_checkpoint(folder / "theirs.pth", with_digest=False, **options)


@pytest.mark.parametrize(
    ("masks", "second", "frozen"), [(True, False, True), (True, True, False), (False, True, False)]
)
@torch.no_grad()
def test_it_computes_what_torchvision_does(
    masks: bool, second: bool, frozen: bool, tmp_path: Path
) -> None:
    model, image = theirs(masks=masks, second=second, frozen=frozen), picture()
    expected = model([image.float() / 255])[0]
    ours = imported(model, tmp_path)
    assert ours.config.backbone.norm_eps == (0.0 if frozen else 1e-5)
    assert ours.config.cascade.masks == masks and ours.config.rpn.convs == (2 if second else 1)
    norms = ours.config.input
    batch = batch_images([image.permute(1, 2, 0).numpy()], [SIZE], norms.mean, norms.std)
    with switch.plain():
        (plain,) = ours.detector.detect(batch, score_threshold=0.02)
    (fast,) = fold(ours.detector).detect(batch, score_threshold=0.02)
    assert len(plain) == len(expected["boxes"]) > 20
    assert plain.scores[0] < 0.99
    for found in (plain, fast):
        torch.testing.assert_close(found.scores, expected["scores"], rtol=0, atol=1e-5)
        torch.testing.assert_close(found.boxes, expected["boxes"], rtol=0, atol=1e-3)
        assert torch.equal(found.labels + 1, expected["labels"])
        assert (found.mask_probabilities is not None) == masks
    if plain.mask_probabilities is None:
        return
    paste = PASTES[plain.paste]
    for i in range(len(plain)):
        mask = expected["masks"][i, 0] > 0.5
        window, left, top = paste(
            plain.mask_probabilities[i].numpy(), plain.boxes[i].numpy(), plain.size
        )
        pasted = np.zeros(SIZE, dtype=bool)
        pasted[top : top + window.shape[0], left : left + window.shape[1]] = torch.from_numpy(
            window
        )
        assert int((pasted ^ mask.numpy()).sum()) <= 1 + 0.005 * int(mask.sum())


def test_the_report_says_what_it_is(tmp_path: Path) -> None:
    ours = imported(theirs(masks=True, second=False, frozen=True), tmp_path)
    report = ours.report
    assert report.source == "torchvision" and "BSD" in report.licence
    assert "Mask R-CNN of torchvision <- roi_heads.box_head, roi_heads.mask_head" in report.reasons
    assert report.architecture.startswith("nearest to mask-rcnn-r50")
    assert any("backbone.norm_eps 0" in line for line in report.unknown)
    assert (ours.classes[0].name, ours.classes[89].id) == ("person", 90)
    assert ours.classes[11].name == "unused 12"
    assert report.counts["left over"] == report.counts["missing"] == 0


def test_own_classes_have_names_when_they_are_given(tmp_path: Path) -> None:
    model = theirs(masks=False, second=False)
    model.roi_heads.box_predictor = FastRCNNPredictor(HIDDEN, 3)
    ours = imported(model, tmp_path, classes=["nut", "bolt"])
    assert [c.name for c in ours.classes] == ["nut", "bolt"]
    assert ours.config.num_classes == 2 and ours.config.cascade.masks is False


def test_names_of_the_first_versions() -> None:
    old = [
        "backbone.fpn.inner_blocks.0.weight",
        "rpn.head.conv.bias",
        "roi_heads.mask_head.mask_fcn1.weight",
    ]
    assert list(names_of(old).values()) == [
        "features.fpn.laterals.0.weight",
        "rpn.conv.bias",
        "cascade.mask_heads.0.convs.0.weight",
    ]


@pytest.mark.parametrize(
    "part", ["roi_heads.keypoint_head.0.weight", "backbone.fpn.extra_blocks.p6"]
)
def test_other_detectors_of_torchvision_are_refused(part: str) -> None:
    with pytest.raises(ModelError, match="M04"):
        read_torchvision({f"{part}.weight": (1,), "backbone.fpn.inner_blocks.3.0.weight": (1,)})
