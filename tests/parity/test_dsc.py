"""DSC and Fast DSC against their authors' code, on weights and inputs that formulas define.

The rules are those of the recording; only the cascade and the semantic branch are involved, since
the pyramid is given.
"""

from __future__ import annotations

import contextlib
import functools
import math
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.interop.mmdet import rename
from relook.models.build.cascade import build_dsc
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.heads.semantic import SemanticHead, semantic_loss
from relook.ops.cpu import switch as fast
from relook.ops.masks import crop_masks, paste_mask
from relook.structures.detection import (
    IGNORE,
    Detections,
    ImageBatch,
    Losses,
    Pyramid,
    Rois,
    Target,
)
from relook.structures.rules.pixels import SemanticRule

from . import formula, golden

VARIANTS = {"dsc": "dsc-r50", "fdsc": "fast-dsc-r50"}
HEIGHT, WIDTH = 192, 256
SIZE = (180, 250)
BOXES = (
    ((20.0, 20, 120, 140), (100.0, 60, 220, 170)),
    ((30.0, 10, 90, 100),),
)
LABELS = ((3, 7), (5,))
NAMES = {"guide": "loss_mpn", "class": "loss_cls", "box": "loss_bbox"}


@functools.cache
def _weights() -> dict[str, Tensor]:
    """Tensors of the cascade and the semantic branch, under our names."""
    shapes = {
        key.removeprefix("roi_head."): shape
        for key, shape in golden.shapes("dsc_r50").items()
        if key.startswith("roi_head.")
    }
    assert len(shapes) == 130
    state = {}
    for index, key in enumerate(sorted(shapes)):
        parent = key.split(".")[-2]
        shape = shapes[key]
        fan = math.prod(shape) / shape[parent == "upsample"] if len(shape) > 1 else 1.0
        factor = {"fc_cls": 4.0, "fc_reg": 0.5}.get(parent, 1.0) * math.sqrt(2 / fan)

        state[rename(f"roi_head.{key}", looks_twice=False)] = formula.tensor(
            shape, functools.partial(_value, key, index, factor)
        )
    return state


def _value(key: str, index: int, factor: float, i: NDArray[np.float64]) -> NDArray[np.float64]:
    c = np.cos(0.7 * (i % 9973) + index)
    match key.rpartition(".")[2]:
        case "num_batches_tracked":
            return 0 * c
        case "running_mean" | "bias":
            return 0.05 * c
        case "running_var":
            return 1 + 0.1 * c**2
    return 1 + 0.1 * c if ".bn." in key else factor * c


class _Network(NamedTuple):
    cascade: ShapeGuidedCascade
    semantic: SemanticHead


def _network(variant: str, **changes: Any) -> _Network:
    cascade = preset(VARIANTS[variant]).cascade.with_(**changes)
    assert isinstance(cascade, DSCConfig)
    with torch.device("meta"):  # every tensor is given
        network = _Network(
            build_dsc(cascade, SemanticRule(), channels=256, num_classes=80),
            SemanticHead(256, SemanticRule()),
        )
    for part, name in zip(network, _Network._fields, strict=True):
        wanted = part.state_dict().keys()
        state = {k.removeprefix(f"{name}."): v for k, v in _weights().items()}
        assert wanted <= state.keys()
        part.load_state_dict({k: state[k] for k in wanted}, assign=True)
        for module in part.modules():
            if isinstance(module, nn.BatchNorm2d):  # training updates its statistics
                for name, buffer in module.named_buffers():
                    setattr(module, name, buffer.clone())
        assert not any(t.is_meta for t in chain(part.parameters(), part.buffers()))
    return network


@functools.cache
def _pyramid() -> Pyramid:
    pyramid = []
    for level in range(5):
        h, w = 48 >> level, 64 >> level
        b, c, y, x = np.meshgrid(*map(np.arange, (2, 256, h, w)), indexing="ij", sparse=True)
        values = np.sin(0.05 * c + 0.3 * y + 0.2 * x + b + 0.5 * level)
        pyramid.append(torch.from_numpy(values.astype(np.float32)))
    return pyramid


def _proposals() -> list[Tensor]:
    found = []
    for j, boxes in enumerate(BOXES):
        rows = [
            [box[e] + 2 * (((3 * m + 5 * n + 7 * e) % 5) - 2) for e in range(4)]
            for n, box in enumerate(boxes)
            for m in range(6)
        ]
        rows += [
            [10 + 20 * m, 15 + (37 * m + 11 * j) % 70, 60 + 22 * m, 70 + (53 * m + 7 * j) % 90]
            for m in range(8)
        ]
        table = torch.tensor(rows, dtype=torch.float32)
        table[:, 0::2].clamp_(0, SIZE[1])
        table[:, 1::2].clamp_(0, SIZE[0])
        found.append(table)
    return found


def _targets() -> list[Target]:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    targets = []
    for j, (boxes, labels) in enumerate(zip(BOXES, LABELS, strict=True)):
        masks = [
            ((x - (x1 + x2) / 2) / ((x2 - x1) / 2)) ** 2
            + ((y - (y1 + y2) / 2) / ((y2 - y1) / 2)) ** 2
            < 1
            for x1, y1, x2, y2 in boxes
        ]
        seen = (7 * np.arange(24)[:, None] + 3 * np.arange(32)[None] + j) % 183
        seen[:2] = IGNORE
        semantic = torch.from_numpy(seen.astype(np.uint8)).repeat_interleave(8, 0)
        targets.append(
            Target(
                torch.tensor(boxes),
                torch.tensor(labels),
                crop_masks(torch.from_numpy(np.stack(masks))),
                semantic.repeat_interleave(8, 1),
            )
        )
    return targets


def _images(count: int) -> ImageBatch:
    return ImageBatch(
        torch.zeros(count, 3, HEIGHT, WIDTH),
        (SIZE,) * count,
        ((HEIGHT, WIDTH),) * count,
        ((90, 125),) * count,
        ((2.0, 2.0),) * count,
    )


def _losses(network: _Network) -> Losses:
    cascade = network.cascade.train()
    with torch.no_grad():
        logits, context = network.semantic(_pyramid())
        semantic = 0.2 * semantic_loss(logits, _targets(), "valid")
        found = cascade.loss(_pyramid(), context, Rois.cat(_proposals()), _images(2), _targets())
    renamed = {"loss_semantic_seg": semantic, "loss_mask": found.pop("mask")}
    for name, value in found.items():
        stage, kind = name.split(".")
        renamed[f"s{stage.removeprefix('stage')}.{NAMES[kind]}"] = value
    return renamed


def _detections(network: _Network) -> Detections:
    cascade = network.cascade.eval()
    pyramid = [level[:1] for level in _pyramid()]
    proposals = Rois.cat(_proposals()[:1])
    with torch.no_grad():
        context = network.semantic.context(pyramid)
        (found,) = cascade.detect(pyramid, context, proposals, _images(1), cascade.select)
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses(variant: str) -> None:
    recorded = golden.read("dsc")[variant]["losses"]
    found = _losses(_network(variant))
    assert found.keys() == recorded.keys()
    for name, value in found.items():
        golden.assert_close(value, recorded[name], 1e-4)


@pytest.mark.parametrize("way", ["fast", "plain"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_detections(variant: str, way: str) -> None:
    recorded = golden.read("dsc")[variant]
    with fast.plain() if way == "plain" else contextlib.nullcontext():
        found = _detections(_network(variant))
    assert len(found) == recorded["ndet"]
    assert found.mask_probabilities is not None
    for i, row in enumerate(recorded["dets"]):
        _, label, score, *box, mean, at = row
        assert int(found.labels[i]) == label
        golden.assert_close(found.scores[i], score, 0, 1e-5)
        golden.assert_close(found.boxes[i], box, 0, 1e-3)
        golden.assert_close(found.mask_probabilities[i].mean(), mean, 0, 2e-5)
        golden.assert_close(found.mask_probabilities[i, 7, 20], at, 0, 5e-4)
    area = sum(
        int(paste_mask(mask, box, (90, 125)).sum())
        for mask, box in zip(found.mask_probabilities, found.boxes, strict=True)
    )
    golden.assert_close(area, recorded["area"], 1e-3)


# Fast DSC with one thing changed each: what else the specification lists of the restatement that
# was compared with the authors' code. "=" is the value without the change.
COLUMNS = (
    *(f"s{t}.{loss}" for t in range(3) for loss in ("loss_mpn", "loss_cls", "loss_bbox")),
    "loss_mask",
)
CHANGES = {
    "no plus one": (
        {"guidance__plus_one": False},
        "= 5.493752 0.100398 1.368231 5.931271 0.307249 1.401979 5.429317 0.696529 0.969778"
        " 0.050398",
    ),
    "no explicit guidance": (
        {"guidance__explicit": False},
        "= 5.470602 0.099266 1.367844 5.931307 0.304546 1.400420 5.435103 0.691924 0.970327"
        " 0.050210",
    ),
    "no implicit guidance": (
        {"guidance__implicit": False},
        "= 5.505985 0.099365 1.370979 5.852293 0.308348 1.404100 5.495177 0.698329 0.977870"
        " 0.044696",
    ),
    "no alignment": (
        {"guidance__alignment": "none"},
        "0.954275 5.361395 0.089867 1.568005 5.851941 0.280601 1.658916 5.675377 0.663680 0.980377"
        " 0.049512",
    ),
    "last box head on enlarged boxes": (
        {"guidance__last_box_frame": "enlarged"},
        "= = = = = = = 5.437337 0.688653 0.970350 0.050028",
    ),
    "semantic feature in enlarged boxes": (
        {"guidance__semantic_frame": "enlarged"},
        "0.887305 5.707967 0.108121 1.485816 5.889494 0.321573 1.395288 5.409612 0.727203 0.987562"
        " 0.050622",
    ),
    "targets of enlarged boxes": (
        {"guidance__target_frame": "enlarged"},
        "0.794948 = = 1.279597 = = 1.438193 = = = =",
    ),
    "enlarged boxes clipped": (
        {"guidance__clip_to_image": True},
        "0.915336 5.689185 0.116056 1.599199 5.885226 0.332753 1.548261 5.598824 0.751910 1.023158"
        " 0.049829",
    ),
    "no norm": (
        {"fuse_norm": "none"},
        "= 5.688846 0.114223 1.643648 5.783377 0.337311 2.378119 5.625404 0.779800 2.913780"
        " 0.051148",
    ),
    "objects' boxes refined": (
        {"rows__freeze_gt": False},
        "= = = 1.371086 5.921725 0.332976 1.392239 5.436845 0.780943 0.977408 =",
    ),
    "scores of all heads": ({"rows__score_stages": (0, 1, 2)}, "= = = = = = = = = = 0.049620"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_switch_has_its_own_numbers(change: str) -> None:
    changes, row = CHANGES[change]
    recorded = golden.read("dsc")["fdsc"]
    plain = [recorded["losses"][name] for name in COLUMNS] + [recorded["dets"][0][2]]
    *losses, top = [p if w == "=" else float(w) for w, p in zip(row.split(), plain, strict=True)]
    found = _losses(_network("fdsc", **changes))
    for name, loss in zip(COLUMNS, losses, strict=True):
        golden.assert_close(found[name], loss, 1e-4)
    golden.assert_close(_detections(_network("fdsc", **changes)).scores[0], top, 0, 1e-5)
