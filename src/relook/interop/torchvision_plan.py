"""The model that a detector of torchvision becomes: its configuration and its classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..config.presets import preset as named_preset
from .checkpoint.reading import Checkpoint
from .classes import name_classes
from .evidence import ImportPlan
from .recognition import Recognised
from .shapes import unfit
from .structure import differences
from .torchvision_models import coco_classes_with_gaps, read_torchvision


def plan_torchvision(
    checkpoint: Checkpoint,
    *,
    preset: str | None = None,
    classes: Path | Sequence[str] | None = None,
) -> ImportPlan:
    """Find the model that the tensors of a Faster or Mask R-CNN of torchvision belong to.

    Raises:
        ModelError: M04 for a model of other layers, or of another structure than `preset`.
        UsageError: U01 for an unknown preset, U03 for class names that cannot be used.
    """
    shapes = {name: tuple(value.shape) for name, value in checkpoint.state.items()}
    model = read_torchvision(shapes)
    config = model.config
    if preset is not None and (wrong := differences(config, named_preset(preset))):
        raise unfit(f"the file is not a {preset}: {'; '.join(wrong)}")
    assumed = list(model.unknown)
    gaps = coco_classes_with_gaps()
    reasons = ["thresholds, anchors, sampling of RoIs and pasting of masks <- torchvision's own"]
    if classes is None and config.num_classes == len(gaps):
        named = gaps
        assumed.append(
            "90 classes are taken to be COCO's, with the ten ids that no class has (unused 12, "
            "...): torchvision's scores are shared with these"
        )
    else:
        names = name_classes(config.num_classes, checkpoint.meta, classes, may_be_coco=False)
        named = names.classes
        (assumed if names.missing else reasons).append(f"class names <- {names.why}")
    return ImportPlan(
        recognised=Recognised(config, "torchvision", model.reasons, ()),
        config=config,
        classes=named,
        blue_first=False,
        reasons=tuple(reasons),
        assumed=tuple(assumed),
        notes=(),
        settings=(),
    )
