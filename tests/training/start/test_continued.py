"""Going on from a trained model: what follows the names of the classes, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from relook.config.base import overlay
from relook.config.model import ModelConfig
from relook.data.coco.reader import Category
from relook.errors import ModelError
from relook.models.detector import Detector
from relook.structures.detection import ImageBatch
from relook.training.start.continued import class_dependent, continued_detector
from relook.training.start.fresh import fresh_detector, seeded_detector
from relook.weights.file import SavedModel

from ..conftest import CELL, TINY

ABC = (Category(1, "ant"), Category(2, "bee"), Category(3, "cat"))


def _fitted(classes: Sequence[Category], *changes: dict[str, Any]) -> ModelConfig:
    config = overlay(TINY, {"num_classes": len(classes)})
    if config.semantic is not None:
        config = config.with_(semantic__num_classes=len(classes) + 1)
    for change in changes:
        config = overlay(config, change)
    return config


def _start(classes: Sequence[Category], *changes: dict[str, Any]) -> SavedModel:
    config = _fitted(classes, *changes)
    detector = seeded_detector(config, 0)
    torch.manual_seed(9)
    state = detector.state_dict()
    for name in sorted(class_dependent(config)):
        state[name].normal_()  # as after a training: no two classes are alike
    return SavedModel(detector, config, tuple(classes), {})


def _continued(
    before: Sequence[Category],
    now: Sequence[Category],
    saved_changes: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Detector, dict[str, Tensor], list[str]]:
    """The detector that goes on, the tensors of the one before, and what was said."""
    saved = _start(before, saved_changes or {})
    config = _fitted(now, saved_changes or {}, changes or {})
    said: list[str] = []
    path = Path("a.safetensors")
    found = continued_detector(config, now, saved, path, 1, said.append, **options)
    return found, dict(saved.detector.state_dict()), said


def _images() -> ImageBatch:
    torch.manual_seed(4)
    size = ((96, 96),)
    return ImageBatch(torch.randn(1, 3, 96, 96), size, size, size, ((1.0, 1.0),))


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
    found, before, said = _continued(CELL, (Category(1, "stone"),))
    after = found.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after)  # the mean of one class
    assert any("none of the data is in the file" in line and "stone" in line for line in said)


@torch.no_grad()
def test_the_order_of_the_classes_changes_no_detection() -> None:
    now = (*ABC[2:], *ABC[:2])
    found, _, said = _continued(ABC, now)
    (ours,), (theirs,) = (d.eval().detect(_images()) for d in (found, _start(ABC).detector))
    assert len(ours) == len(theirs) == 20
    names = [[c.name for c in now][i] for i in ours.labels.tolist()]
    assert names == [ABC[i].name for i in theirs.labels.tolist()]
    assert len(set(names)) > 1
    for field in ("boxes", "scores", "mask_probabilities"):
        torch.testing.assert_close(
            getattr(ours, field), getattr(theirs, field), rtol=1e-4, atol=1e-4
        )
    assert any("the 3 of the file, in another order, all kept" in line for line in said)


def test_classes_that_both_have_keep_their_rows() -> None:
    now = (Category(8, "cat"), Category(9, "yak"), Category(7, "ant"), Category(6, "zebra"))
    found, before, said = _continued(ABC, now)
    after = found.state_dict()
    for name in class_dependent(_fitted(now)):
        assert torch.equal(after[name][0], before[name][2]), name
        assert torch.equal(after[name][2], before[name][0]), name
        assert torch.equal(after[name][4:], before[name][3:]), name  # background, if it has a row
        if name.endswith("weight"):
            assert not torch.equal(after[name][1], before[name][1])
    text = "\n".join(said)
    for words in ("2 (cat, ant)", "2 (yak, zebra)", "dropped: 1 (bee)"):
        assert words in text


def test_a_model_for_boxes_follows_the_names_too() -> None:
    plain = {"cascade": {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}}
    found, before, _ = _continued(ABC, ABC[::-1], {**plain, "semantic": None})
    for name in ("weight", "bias"):
        rows = found.state_dict()[f"cascade.box_heads.2.classify.{name}"]
        theirs = before[f"cascade.box_heads.2.classify.{name}"]
        assert torch.equal(rows, theirs[[2, 1, 0, 3]])


@pytest.mark.parametrize(
    ("before", "now", "semantics", "kept", "words"),
    [
        (4, 4, "instances", [2, 1, 0, 3], ""),
        (4, 4, None, [2, 1, 0, 3], ""),
        (9, 9, "maps", list(range(9)), "9 as in the file"),
        (9, 9, None, list(range(9)), "9 as in the file"),
        (4, 4, "maps", None, "of another kind"),
        (9, 4, "instances", None, "of another kind"),
        (9, 7, "maps", None, "of another kind"),
        (None, 4, "instances", None, "not in the file"),
    ],
)
def test_semantic_labels_follow_names_only_if_they_have_any(
    before: int | None, now: int, semantics: Any, kept: list[int] | None, words: str
) -> None:
    branch = {"semantic": None if before is None else {"num_classes": before}}
    found, given, said = _continued(
        ABC, ABC[::-1], branch, {"semantic": {"num_classes": now}}, semantics=semantics
    )
    rows = found.state_dict()["semantic.logits.weight"]
    if kept is not None:
        assert torch.equal(rows, given["semantic.logits.weight"][kept])
    elif before == now:
        assert not torch.equal(rows, given["semantic.logits.weight"])
    assert words in "\n".join(said)


def test_a_semantic_branch_can_be_added() -> None:
    plain = TINY.with_(semantic=None)
    saved = SavedModel(fresh_detector(plain, 0, lambda _: None), plain, CELL, {})
    found = continued_detector(TINY, CELL, saved, Path("a.safetensors"), 1, lambda _: None)
    assert found.semantic is not None


@pytest.mark.parametrize(("then", "now", "warned"), [(14, 7, True), (7, 14, True), (7, 7, False)])
def test_weights_of_the_other_dsc_fit_and_are_warned_of(then: int, now: int, warned: bool) -> None:
    cascade = {"kind": "dsc", "guidance": {"side": then}, "box_hidden": 16, "mask_channels": 16}
    changes = {"cascade": {"guidance": {"side": now}}}
    _, _, said = _continued(CELL, CELL, {"cascade": cascade}, changes)
    lines = [line for line in said if f"{now} x {now} cells here" in line]
    assert len(lines) == warned and all(f"are of {then} x {then}" in line for line in lines)


def test_weights_with_the_numerics_of_old_are_a_start() -> None:
    saved = _start(CELL)._replace(config=TINY.with_(numerics="v1"))
    continued_detector(TINY, CELL, saved, Path("a.safetensors"), 0, lambda _: None)


def test_a_model_of_boxes_only_keeps_all_but_the_parts_for_masks() -> None:
    saved = _start(ABC)
    assert saved.config.cascade.masks
    boxes = {"cascade": {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}}
    config = overlay(saved.config, {**boxes, "semantic": None})
    said: list[str] = []
    found = continued_detector(config, ABC, saved, Path("a.safetensors"), 1, said.append)
    before, now = saved.detector.state_dict(), found.state_dict()
    assert all(torch.equal(now[name], before[name]) for name in now)
    left = {name for name in before if name not in now}
    assert {name.split(".")[0] for name in left} <= {"cascade", "semantic"}
    assert not any("box_heads" in name or "rpn" in name for name in left)
    masks = sum("mask_heads" in name for name in left)
    assert f"{masks} of the mask heads" in said[-1]
