"""Panoptic predictions: the rule, and how objects and labels become one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..config.model import ModelConfig, PanopticConfig
from ..data.panoptic.labels import StuffLabels
from ..errors import ModelError, UsageError
from ..ops.panoptic_merge import Objects, PanopticRule, merge
from ..structures.panoptic import PanopticCategory
from .results import ClassLike, Result


@dataclass(frozen=True, slots=True)
class PanopticTask:
    """A rule by which objects and labels are merged, and what the labels mean."""

    rule: PanopticRule
    labels: StuffLabels

    @classmethod
    def of(
        cls,
        config: ModelConfig,
        classes: Sequence[ClassLike],
        stuff: Sequence[PanopticCategory],
        rule: PanopticConfig,
        labels: StuffLabels | None = None,
    ) -> PanopticTask:
        """The task for a model with `config`, thing `classes` and kinds of `stuff`.

        `labels` stand in for its own labels.

        Raises:
            ModelError: M04 for a model without masks, or whose labels nobody has named.
            UsageError: U04 when a thing and a kind of stuff have one category id.
        """
        if not config.cascade.masks:
            raise ModelError(
                "M04", "panoptic: this model finds boxes only, and every pixel needs an owner."
            )
        if labels is None and not stuff:
            raise ModelError("M04", _unnamed(config))
        labels = labels or StuffLabels.of_model(stuff)
        names = {category.id: category.name for category in labels.categories.values()}
        for item in classes:
            if item.id in names:
                raise UsageError(
                    "U04",
                    f"panoptic: category id {item.id} is the thing {item.name} and the stuff "
                    f"{names[item.id]}. Give the labels of the stuff other ids.",
                )
        return cls(PanopticRule(**rule.model_dump()), labels)

    def of_result(self, result: Result, semantic: NDArray[np.uint8] | None) -> Result:
        """`result` with its panoptic map, from the model's `semantic` labels (H, W), or for None
        from those in the labels' folder.

        Raises:
            DataError: D12 when there is no label map of the image there.
        """
        if semantic is None:
            semantic = self.labels.read(result.source or "", result.size)
        ids = [result.classes[int(label)].id for label in result.labels]
        objects = Objects(result.boxes, result.scores, ids, result.masks or ())
        categories = self.labels.categories
        merged = merge(objects, semantic, {k: c.id for k, c in categories.items()}, self.rule)
        return replace(result, semantic=semantic, panoptic=merged, stuff=self.stuff)

    @property
    def stuff(self) -> tuple[PanopticCategory, ...]:
        """All kinds of stuff there may be, by ascending id."""
        found = {category.id: category for category in self.labels.categories.values()}
        return tuple(found[key] for key in sorted(found))


def _unnamed(config: ModelConfig) -> str:
    head = config.stuff or config.semantic
    if head is None:
        return (
            "panoptic: this model finds objects only and labels no pixels. Take one trained on "
            "panoptic data, such as detectors-panoptic-r50, or give label maps of another model."
        )
    return (
        f"panoptic: this model labels pixels with {head.num_classes} labels that its file does not "
        "name, because it was not trained on panoptic data. Say what they mean: coco-stuff for "
        "the semantic branch of published HTC and DetectoRS weights, or a json file."
    )
