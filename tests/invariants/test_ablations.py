"""Rows of the papers' ablation tables: each builds, trains, and differs from its neighbour where
it should. (Those of DSC are in tests/models/cascades/test_dsc_switches.py.)"""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from twins import batch, target, twin

from relook.models.detector import Detector

FULL = "detectors-htc-tiny"
SIZE = (96, 96)
LOSS_PARTS = {"rpn", "semantic", "stage0", "stage1", "stage2"}

# What is changed; which parameters are then missing and which are new, by a part of their name;
# whether a fresh network still detects what its first look alone would, at identity.
ROWS: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    "RFP + sharing": (
        {"pyramid__share_backbone": True},
        {"backbones.1."},
        {"backbones.0.layer2.0.feedback", "backbones.0.layer3.0.", "backbones.0.layer4.0."},
    ),
    "RFP - aspp": ({"pyramid__connector": "none"}, {"connector."}, set()),
    "RFP - fusion": ({"pyramid__fusion": "none"}, {"fusion."}, set()),
    "RFP + 3X": ({"pyramid__steps": 3}, set(), {"backbones.2."}),
    "feedback into all stages": (
        {"pyramid__feedback_stages": (True, True, True, True)},
        set(),
        {"backbones.1.layer1.0.feedback"},
    ),
    "feedback into the last stage": (
        {"pyramid__feedback_stages": (False, False, False, True)},
        {"backbones.1.layer2.0.feedback", "backbones.1.layer3.0.feedback"},
        set(),
    ),
    "no RFP": (
        {"pyramid__steps": 1},
        {"backbones.", "connector.", "fusion."},
        {"features.backbone."},
    ),
    "SAC - DCN": ({"backbone__sac__deformable": False}, {".offset_near.", ".offset_far."}, set()),
    "SAC - global": ({"backbone__sac__context": False}, {"_context."}, set()),
    "SAC - locking": ({"backbone__sac__locked": False}, set(), set()),
    "SAC + DS": ({"backbone__sac__switch": "dual"}, set(), set()),
    "SAC, sigmoid": ({"backbone__sac__switch": "sigmoid"}, set(), set()),
    "no SAC": (
        {"backbone__sac": None},
        {".offset_", "_context.", ".switch.", "weight_diff"},
        set(),
    ),
    "no SAC, no standardisation": (
        {"backbone__sac": None, "backbone__weight_standardisation": False},
        {".offset_", "_context.", ".switch.", "weight_diff"},
        set(),
    ),
    "not interleaved": ({"cascade__hybrid__interleaved": False}, set(), set()),
    "no mask flow": ({"cascade__hybrid__mask_flow": False}, {".carry."}, set()),
    "no semantics": ({"semantic": None}, {"semantic."}, set()),
    "no fusion into boxes": ({"semantic__fuse__boxes": False}, set(), set()),
    "no fusion into masks": ({"semantic__fuse__masks": False}, set(), set()),
}
STARTS_ELSEWHERE = {"SAC, sigmoid"}
"""The only one whose first features are not those of the plain convolutions."""


def _alive(**changes: Any) -> Detector:
    """With everything that starts at nothing moved, by the same in all where it is there."""
    detector = twin(FULL, **changes)
    with torch.no_grad():
        for name, parameter in detector.named_parameters():
            generator = torch.Generator().manual_seed(sum(map(ord, name)))
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return detector


@functools.cache
def _full() -> Detector:
    """The network that every row is compared with; only read, and made once."""
    return _alive()


@functools.cache
def _full_losses() -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return _losses(_full())


def _losses(detector: Detector) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    boxes = [[8.0, 8, 60, 50], [40, 30, 90, 92]]
    return detector.loss(batch(SIZE), [target(FULL, boxes, SIZE)])


@pytest.mark.parametrize("row", ROWS)
def test_a_row_changes_what_it_says(row: str) -> None:
    changes, missing, new = ROWS[row]
    full, changed = _full(), _alive(**changes)
    before = {name: p.shape for name, p in full.named_parameters()}
    after = {name: p.shape for name, p in changed.named_parameters()}
    for there, gone, parts in ((before, after, missing), (after, before, new)):
        different = there.keys() - gone.keys()
        assert all(any(part in name for part in parts) for name in different), different
        assert all(any(part in name for name in different) for part in parts)
    wider = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert bool(wider) == (row == "SAC + DS")

    losses, neighbours = _losses(changed), _full_losses()
    assert {name.split(".")[0] for name in neighbours} == LOSS_PARTS
    total = torch.stack(list(losses.values())).sum()
    assert total.isfinite() and not torch.equal(total, sum(neighbours.values()))  # type: ignore[arg-type]
    total.backward()
    assert not [n for n, p in changed.named_parameters() if p.requires_grad and p.grad is None]


@pytest.mark.parametrize("row", [r for r in ROWS if r.startswith(("RFP", "SAC", "no", "feedback"))])
@torch.no_grad()
def test_features_start_at_those_of_plain_convolutions(row: str) -> None:
    """Whatever is added starts at nothing: all but two have the features of the full network."""
    changes = ROWS[row][0]
    full, changed = twin(FULL).eval(), twin(FULL, **changes).eval()
    state = full.state_dict() | {
        name.replace("backbones.0.", "backbone."): value
        for name, value in full.state_dict().items()
        if "backbones.0." in name
    }
    own = changed.state_dict()
    changed.load_state_dict(
        {n: state[n] if n in state and state[n].shape == v.shape else v for n, v in own.items()}
    )
    for later in range(1, len(getattr(changed.features, "backbones", [0]))):
        changed.features.backbones[later].load_state_dict(  # type: ignore[union-attr]
            changed.features.backbones[0].state_dict(),
            strict=False,  # type: ignore[union-attr]
        )
    pixels = batch(SIZE).pixels
    same = all(
        torch.allclose(a, b, rtol=1e-4, atol=1e-4)
        for a, b in zip(changed.features(pixels), full.features(pixels), strict=True)
    )
    assert same == (row not in STARTS_ELSEWHERE)
