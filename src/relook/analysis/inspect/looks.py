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
from .inspected_image import InspectedImage, Values, cut_to_image, detect, listening
from .pictures import grey


@dataclass(frozen=True, slots=True, eq=False)
class LevelChange:
    """One level of the pyramid, and its change by one more look."""

    level: str  # P2 to P6
    look: int  # 2 is the second
    before: Values  # (h, w), mean absolute value over the channels, of the look before
    after: Values  # the same of this look
    change: Values  # the same of their difference
    gate: Values | None  # share of the new look in the blend; None where there is no gate

    def statistics(self) -> dict[str, Any]:
        """Numbers for json: change relative to the look before, and the gate."""
        size = float(self.before.mean())
        return {
            "level": self.level,
            "look": self.look,
            "relative change": float(self.change.mean()) / size if size > 0 else None,
            "gate": None if self.gate is None else float(self.gate.mean()),
            "gate from": None if self.gate is None else float(self.gate.min()),
            "gate to": None if self.gate is None else float(self.gate.max()),
        }


def changes_by_look(predictor: Predictor, inspected: InspectedImage) -> list[LevelChange]:
    """The changes of every level by every look after the first, in order.

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
        detect(predictor, inspected)
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
                        cut_to_image(before[0].abs().mean(0), inspected),
                        cut_to_image(after[0].abs().mean(0), inspected),
                        cut_to_image((after - before)[0].abs().mean(0), inspected),
                        None if gate is None else cut_to_image(gate, inspected),
                    )
                )
            old = [
                fusion.blend(new, was) if fusion is not None else new
                for new, was in zip(refined, old, strict=True)
            ]
    return changes


def draw_changes(changes: list[LevelChange], inspected: InspectedImage) -> Image.Image:
    """A row for every level: before, after, their difference, and the gate."""
    size = (inspected.image.shape[0], inspected.image.shape[1])
    gated = all(change.gate is not None for change in changes)
    rows = []
    for change in changes:
        maps = [change.before, change.after, change.change]
        maps += [change.gate] if change.gate is not None else []
        statistics = change.statistics()
        share = "" if change.gate is None else f", gate {statistics['gate']:.2f} on average"
        relative = statistics["relative change"]
        caption = f"{change.level}, look {change.look}: changed by {relative or 0:.0%}{share}"
        rows.append(Row(tuple(grey(values, size) for values in maps), caption))
    headings = ("before", "after", "change", *(["gate"] if gated else []))
    return contact_sheet(rows, headings, title="Changes by a look", cell=300)
