"""The recorded training step of Fast DSC, as relook makes it, by recorded names.

Which of two proposals comes first when their scores are a rounding apart is chance, and what is
drawn depends on their order. So the proposals that are trained on come from double precision, and
`TIES` says which neighbours stand the other way round in the recording.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

import relook.models.rpn.rpn as rpn_module
from relook.interop.mmdet import rename
from relook.models.detector import Detector
from relook.structures.detection import Losses, Matched, Rois

from . import recorded_formula as formula
from .recorded_network import RECORDED, cascade_of, heard, network, proposals

TIES = {  # the rank of the first of two
    "batch0": (553, 623, 1224),
    "batch1": (329, 538, 828),
}
TIED = 1e-6  # scores that differ by less
NAMES = {"guide": "loss_mpn", "class": "loss_cls", "box": "loss_bbox"}
KEPT = 4  # entries of each gradient

Draw = tuple[Tensor, Tensor, Tensor]  # rows of positives and of negatives, objects of the positives


def proposals_in_recorded_order() -> list[Tensor]:
    """Boxes (P, 4) of each image that is trained on."""
    found, ordered = proposals(network().rpn.train_rule), []
    for image, ties in TIES.items():
        boxes, scores = found[image]
        order = torch.arange(len(boxes))
        for rank in ties:
            assert scores[rank] - scores[rank + 1] < TIED
            order[[rank, rank + 1]] = order[[rank + 1, rank]]
        ordered.append(boxes[order])
    return ordered


def training() -> dict[str, Tensor]:
    """Losses, accuracies, draws and gradients of one step."""
    detector = copy.deepcopy(network()).train()
    cascade, rpn = cascade_of(detector), detector.rpn
    drawn: list[Draw] = []
    classified: list[tuple[Tensor, Matched]] = []

    def draw(index: Tensor, quota: int, fraction: float, _seed: int | None) -> Any:
        positives = _spread((index >= 0).nonzero().flatten(), int(quota * fraction))
        negatives = _spread((index == -1).nonzero().flatten(), quota - len(positives))
        drawn.append((positives, negatives, index[positives]))
        return positives, negatives

    def box_loss(logits: Tensor, deltas: Tensor, matched: Matched, std: Any) -> Losses:
        classified.append((logits, matched))
        return plain.box_loss(logits, deltas, matched, std)

    plain = cascade.learning
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpn_module, "draw", draw)
        changed = dataclasses.replace(plain, choose=draw, box_loss=box_loss)
        patch.setattr(cascade, "learning", changed)
        patch.setattr(
            rpn, "propose", lambda *_: (Rois.cat(proposals_in_recorded_order()), torch.empty(0))
        )
        levels = heard(patch, rpn, "sampled_losses")
        matches = heard(patch, cascade, "_match")
        losses = detector.loss(formula.images(*formula.BATCH), formula.targets())
    for _, matched in matches:
        drawn += [_rows(matched, image) for image in range(len(formula.BATCH))]
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    values = {"total": total, "loss/loss_mask": losses["mask"]}
    values["loss/loss_semantic_seg"] = losses["semantic"]
    values["loss/loss_rpn_cls"], values["loss/loss_rpn_bbox"] = levels[0][1]
    for t, (logits, matched) in enumerate(classified):
        right = (logits.argmax(1) == matched.labels).double()
        values[f"loss/s{t}.acc"] = 100 * right.mean()
        for ours, theirs in NAMES.items():
            values[f"loss/s{t}.{theirs}"] = losses[f"stage{t}.{ours}"]
    for i, rows in enumerate(drawn):
        for name, own in zip(("pos_inds", "neg_inds", "pos_assigned_gt"), rows, strict=True):
            values[f"sampler/{i}/{name}"] = own
    values |= _gradients(detector)
    return {f"train/{name}": torch.atleast_1d(value) for name, value in values.items()}


def _spread(rows: Tensor, count: int) -> Tensor:
    """What the recorded run had in place of chance."""
    return rows if len(rows) <= count else rows[torch.arange(count) * len(rows) // count]


def _rows(matched: Matched, image: int) -> Draw:
    """In later iterations all rows are kept."""
    index = matched.gt_index[matched.rois.image_index == image]
    positives = (index >= 0).nonzero().flatten()
    return positives, (index < 0).nonzero().flatten(), index[positives]


def _gradients(detector: Detector) -> dict[str, Tensor]:
    """Norms and some entries of all gradients, in the order of the recording."""
    found = {name: p.grad for name, p in detector.named_parameters() if p.requires_grad}
    norms, entries = [], []
    for theirs in RECORDED["train/grad_names"].tolist():
        gradient = found.pop(rename(theirs, looks_twice=False))
        assert gradient is not None, theirs
        flat = gradient.double().flatten()
        norms.append(flat.norm())
        entries.append(flat[formula.kept_entries(f"grad/{theirs}", len(flat), KEPT)])
    assert not found, f"parameters that the reference does not train: {sorted(found)}"
    return {
        "grad_norms": torch.stack(norms),
        "grad_samples4": torch.stack(entries),
        "requires_grad_but_none": torch.empty(0),
    }
