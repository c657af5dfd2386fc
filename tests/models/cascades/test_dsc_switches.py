"""Every switch of DSC trains, and moves what it should of losses and detections and nothing else.

All cascades have the weights of the one that they are compared with. What the switches are worth
is in tests/parity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import scene
import torch

from relook.config.cascades import DSCConfig
from relook.models.cascades.dsc import ShapeGuidedCascade

ALL = frozenset({"guide", "class", "box", "mask", "detections"})
CLIPPED = scene.FAST.with_(guidance__clip_to_image=True)


@dataclass(frozen=True)
class Switch:
    """What is changed of a configuration, and what moves first."""

    changes: dict[str, Any]
    moves: frozenset[str] = ALL  # losses of any stage, or detections
    stays: frozenset[str] = frozenset()  # losses by their whole names
    base: DSCConfig = scene.FAST


FIRST = frozenset({"stage0.guide"})
TRAINING = ALL - {"detections"}
SWITCHES = {
    # The ablations of the paper.
    "no explicit guidance": Switch({"guidance__explicit": False}, stays=FIRST),
    "no implicit guidance": Switch({"guidance__implicit": False}, stays=FIRST),
    "no plus one": Switch({"guidance__plus_one": False}, stays=FIRST),
    "no alignment": Switch({"guidance__alignment": "none"}),
    "recomputation": Switch(
        {"guidance__alignment": "recompute"},
        stays=frozenset({"stage0.guide", "stage0.class", "stage0.box"}),
        base=scene.FAST.with_(guidance__alignment="none"),
    ),
    "larger guidance": Switch({"guidance__side": 14}),
    "no initial guidance": Switch({"guidance__initial": False}, stays=FIRST),
    # The others.
    "no mask flow": Switch(
        {"guidance__mask_flow": False},
        stays=frozenset({"stage0.guide", "stage0.class", "stage0.box"}),
    ),
    "products of samples": Switch({"guidance__product": "of_samples"}, stays=FIRST),
    "other ratios": Switch({"guidance__enlarge_ratios": (1.5, 1.3, 1.1)}),
    "clipped to the image": Switch({"guidance__clip_to_image": True}),
    "clipped into the previous": Switch(
        {"guidance__clip_into_previous": True},
        stays=frozenset({"stage0.guide", "stage0.class", "stage0.box"}),
        base=CLIPPED,
    ),
    "targets of frames": Switch({"guidance__target_frame": "enlarged"}, frozenset({"guide"})),
    "last box head on frames": Switch(
        {"guidance__last_box_frame": "enlarged"},
        frozenset({"class", "box", "mask", "detections"}),
        frozenset({"stage0.class", "stage1.class", "stage1.box", "stage2.guide"}),
    ),
    "semantic feature in frames": Switch({"guidance__semantic_frame": "enlarged"}),
    "scores of all": Switch({"rows__score_stages": (0, 1, 2)}, frozenset({"detections"})),
    "scores of one": Switch({"rows__score_stages": (1,)}, frozenset({"detections"})),
    "objects' boxes left out": Switch({"rows__keep_gt": False}, TRAINING, FIRST),
    "objects' boxes refined": Switch({"rows__freeze_gt": False}, TRAINING, FIRST),
    "group norm": Switch({"fuse_norm": "group"}, stays=FIRST),
    "no norm": Switch({"fuse_norm": "none"}, stays=FIRST),
    "stricter masks": Switch({"rows__mask_iou": 0.95}, frozenset({"mask"})),
    "one iteration": Switch({"stages": scene.FAST.stages[:1]}, ALL - {"guide"}),
    "detached guidance": Switch({"guidance__detach": True}, frozenset()),
}


def _moved(base: ShapeGuidedCascade, other: ShapeGuidedCascade) -> tuple[set[str], set[str]]:
    """Names of losses that differ, and their kinds, with detections among them."""
    kinds = set()
    for one, two in zip(scene.detections(base), scene.detections(other), strict=True):
        same = len(one) == len(two) and torch.equal(one.labels, two.labels)
        if not same or not torch.allclose(one.scores, two.scores, rtol=0, atol=1e-6):
            kinds.add("detections")
    before, after = (scene.values(scene.losses(part.train())) for part in (base, other))
    names = {name for name in after if abs(after[name] - before[name]) > 1e-6}
    return names, kinds | {name.rpartition(".")[2] for name in names}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_moves_what_it_should(name: str) -> None:
    switch = SWITCHES[name]
    base = scene.cascade(switch.base)
    other = scene.changed(base, switch.base.with_(**switch.changes))
    names, kinds = _moved(base, other)
    assert kinds == switch.moves
    assert not names & switch.stays


@pytest.mark.parametrize("name", SWITCHES)
def test_a_step_along_the_gradient_lowers_the_loss(name: str) -> None:
    switch = SWITCHES[name]
    part = scene.cascade(switch.base.with_(**switch.changes)).train()
    optimizer = torch.optim.SGD(part.parameters(), lr=1e-4)
    before = torch.stack(list(scene.losses(part).values())).sum()
    before.backward()
    assert all(parameter.grad is not None for parameter in part.parameters())
    optimizer.step()
    after = torch.stack(list(scene.losses(part).values())).sum()
    assert after.isfinite() and after < before


def test_without_the_semantic_branch_everything_moves() -> None:
    base = scene.cascade()
    other = scene.changed(base, scene.FAST, semantic=False)
    assert _moved(base, other)[1] == ALL


def test_detaching_changes_gradients_alone() -> None:
    base = scene.cascade()
    other = scene.changed(base, scene.FAST.with_(guidance__detach=True))
    gradients = []
    for part in (base, other):
        torch.stack(list(scene.losses(part).values())).sum().backward()
        gradients.append(part.guidance_heads[2].logits.weight.grad)
    assert gradients[0] is not None and gradients[1] is not None
    assert not torch.allclose(gradients[0], gradients[1])


def test_a_wider_projection_with_nothing_beside_its_middle_is_the_narrow_one() -> None:
    base = scene.cascade().eval()
    wide = scene.cascade(scene.FAST.with_(fuse_kernel=3)).eval()
    state = {}
    for key, value in base.state_dict().items():
        shape = wide.state_dict()[key].shape
        centred = value if value.shape == shape else torch.nn.functional.pad(value, (1, 1, 1, 1))
        state[key] = centred
    wide.load_state_dict(state)
    for one, other in zip(scene.detections(base), scene.detections(wide), strict=True):
        scene.assert_same(one, other)
