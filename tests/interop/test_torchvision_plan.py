"""The model that a detector of torchvision becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_torchvision_models import theirs

from relook.errors import ModelError, UsageError
from relook.interop.checkpoint.reading import Checkpoint
from relook.interop.torchvision_plan import plan_torchvision


def test_a_plan_names_its_classes_and_its_gaps() -> None:
    state = theirs(masks=True, second=True).state_dict()
    checkpoint = Checkpoint(Path("a.pth"), state, {}, "", 0, [])
    plan = plan_torchvision(checkpoint)
    assert plan.config.numerics == "torchvision" and len(plan.classes) == 90
    assert "unused 12" in " ".join(plan.assumed)
    with pytest.raises(ModelError, match=r"not a mask-rcnn-r50: .*rpn\.convs is 2, not 1"):
        plan_torchvision(checkpoint, preset="mask-rcnn-r50")
    with pytest.raises(UsageError, match="U01"):
        plan_torchvision(checkpoint, preset="mask-rcnn")
    with pytest.raises(ModelError, match="2 classes, and the model has 90"):
        plan_torchvision(checkpoint, classes=["a", "b"])
