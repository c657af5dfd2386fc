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
    """A row for every level: the image, the level before and after, their difference, the gate.

    Before and after have one scale, from 0 to the larger of their highest values; the difference
    has its own, and the gate is from 0 to 1.
    """
    size = (inspected.image.shape[0], inspected.image.shape[1])
    image = Image.fromarray(inspected.image)
    gated = all(change.gate is not None for change in changes)
    rows = []
    for change in changes:
        top = max(float(change.before.max()), float(change.after.max()))
        most = float(change.change.max())
        pictures = [
            image,
            grey(change.before, size, 0.0, top),
            grey(change.after, size, 0.0, top),
            grey(change.change, size, 0.0, most),
        ]
        if change.gate is not None and gated:
            pictures.append(grey(change.gate, size, 0.0, 1.0))
        relative = change.statistics()["relative change"]
        caption = (
            f"{change.level}, look {change.look}. White is {top:.2f} before and after, {most:.2f} "
            f"in the change, which is {relative or 0:.0%} of before on average"
        )
        rows.append(Row(tuple(pictures), caption))
    headings = ["the image", "before", "after, same scale", "size of the change"]
    headings += ["gate: white takes the new"] if gated else []
    title = "Levels of the pyramid: mean of |f| over the channels. Black is 0."
    return contact_sheet(rows, headings, title=title, cell=300)
