"""Changes that a second look makes: every pyramid level before and after, and the gate between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from ...errors import UsageError
from ...inference.predictor import Predictor
from ...models.pyramids.rfp import RecursiveFeaturePyramid
from ...visualization.sheet import Row, contact_sheet
from .pictures import grey
from .seeing import InspectedImage, Values, cut_to_image, detect, listening


@dataclass(frozen=True, slots=True, eq=False)
class LevelChange:
    """One level of the pyramid, and what one more look does to it."""

    level: str  # P2 to P6
    look: int  # 2 is the second
    before: Values  # (h, w), mean size over the channels of what was there
    after: Values  # the same of what this look sees
    change: Values  # the same of their difference
    gate: Values | None  # what share of the new is taken; None where there is no gate

    def statistics(self) -> dict[str, Any]:
        """Numbers for json: change relative to what was there, and the gate."""
        size = float(self.before.mean())
        return {
            "level": self.level,
            "look": self.look,
            "relative change": float(self.change.mean()) / size if size > 0 else None,
            "gate": None if self.gate is None else float(self.gate.mean()),
            "gate from": None if self.gate is None else float(self.gate.min()),
            "gate to": None if self.gate is None else float(self.gate.max()),
        }


def look_at_looks(predictor: Predictor, seen: InspectedImage) -> list[LevelChange]:
    """Every level and every look after the first, in order.

    Raises:
        UsageError: U04 for a model that looks once.
    """
    features: Any = predictor.detector.features
    if not isinstance(features, RecursiveFeaturePyramid):
        raise UsageError(
            "U04",
            "this model looks once, so there is no change to see. Models that look twice are named "
            "detectors-* or *-rfp.",
        )
    pyramids: list[list[torch.Tensor]] = []
    fusion = features.fusion
    with listening({features.fpn: pyramids.append}):
        detect(predictor, seen)
    changes = []
    with torch.inference_mode():
        old = pyramids[0]
        for look, refined in enumerate(pyramids[1:], start=2):
            for i, (before, after) in enumerate(zip(old, refined, strict=True)):
                gate = None if fusion is None else fusion(after).sigmoid()[0]
                changes.append(
                    LevelChange(
                        f"P{i + 2}",
                        look,
                        cut_to_image(before[0].abs().mean(0), seen),
                        cut_to_image(after[0].abs().mean(0), seen),
                        cut_to_image((after - before)[0].abs().mean(0), seen),
                        None if gate is None else cut_to_image(gate, seen),
                    )
                )
            old = [
                fusion.blend(new, was) if fusion is not None else new
                for new, was in zip(refined, old, strict=True)
            ]
    return changes


def picture_of_looks(changes: list[LevelChange], seen: InspectedImage) -> Image.Image:
    """A row for every level: before, after, their difference, and the gate."""
    size = (seen.image.shape[0], seen.image.shape[1])
    gated = all(one.gate is not None for one in changes)
    rows = []
    for one in changes:
        maps = [one.before, one.after, one.change]
        maps += [one.gate] if one.gate is not None else []
        told = one.statistics()
        share = "" if one.gate is None else f", gate {told['gate']:.2f} on average"
        change = told["relative change"]
        caption = f"{one.level}, look {one.look}: changed by {change or 0:.0%}{share}"
        rows.append(Row(tuple(grey(values, size) for values in maps), caption))
    headings = ("before", "after", "change", *(["gate"] if gated else []))
    return contact_sheet(rows, headings, title="What a look changes", cell=300)
