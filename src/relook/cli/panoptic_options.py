"""Options of panoptic segmentation, shared by ``relook predict`` and ``relook eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..config.model import ModelConfig

_PANEL: Final = "Panoptic segmentation"

Task = Annotated[
    Literal["instances", "panoptic"],
    typer.Option(
        "--task",
        help="panoptic: also one map in which every pixel belongs to one thing or kind of stuff.",
        rich_help_panel=_PANEL,
    ),
]
Rule = Annotated[
    str | None,
    typer.Option(
        "--rule",
        metavar="KEY=VALUE",
        help="How objects and stuff are merged, with commas: score=0.5,overlap=0.5,"
        "stuff_area=4096,suppress_iou=0.5,max_objects=100,order=score. [default: the model's]",
        rich_help_panel=_PANEL,
    ),
]
StuffLabelsOption = Annotated[
    str | None,
    typer.Option(
        "--stuff-labels",
        metavar="TABLE",
        help="What labels of pixels mean: coco-stuff (published HTC and DetectoRS weights), or a "
        "json file. [default: what the model was trained on]",
        rich_help_panel=_PANEL,
    ),
]
StuffMaps = Annotated[
    Path | None,
    typer.Option(
        "--stuff-maps",
        metavar="DIR",
        help="Take the labels of pixels from PNG files of another model, named as the images.",
        rich_help_panel=_PANEL,
    ),
]


class PanopticRequest(NamedTuple):
    """What was asked for, as plain values."""

    task: str
    rule: str | None
    stuff_labels: str | None
    stuff_maps: Path | None

    @property
    def wanted(self) -> bool:
        """Whether panoptic maps are to be made."""
        return self.task == "panoptic"

    def check(self) -> None:
        """Refuse options that do not go together; U04."""
        given: dict[str, object] = {"rule": self.rule, "stuff-labels": self.stuff_labels}
        given["stuff-maps"] = self.stuff_maps
        named = [f"--{name}" for name, value in given.items() if value is not None]
        if named and not self.wanted:
            raise UsageError("U04", f"{', '.join(named)}: only with --task panoptic.")
        if self.stuff_maps is not None and self.stuff_labels is None:
            raise UsageError(
                "U04",
                "--stuff-maps: say with --stuff-labels what the labels in these files mean.",
            )

    def settings(self) -> dict[str, Any]:
        """What results depend on, as json values; nothing where no panoptic map is made."""
        if not self.wanted:
            return {}
        maps = None if self.stuff_maps is None else str(self.stuff_maps)
        return {"panoptic": [self.rule, self.stuff_labels, maps]}

    def options(self, config: ModelConfig) -> dict[str, Any]:
        """Those of `Predictor.stream` for a model with `config`.

        Raises:
            UsageError: U02 or U03 for a rule that cannot be.
            DataError: D01, D03 or D04 for labels or maps that are not there.
        """
        if not self.wanted:
            return {}
        from ..config.base import overlay
        from ..data.panoptic.labels import StuffLabels

        stuff = None if self.stuff_labels is None else StuffLabels.named(self.stuff_labels)
        if stuff is not None and self.stuff_maps is not None:
            stuff = stuff.in_folder(self.stuff_maps)
        return {"panoptic": overlay(config.panoptic, _pairs(self.rule)), "stuff": stuff}


def _pairs(rule: str | None) -> dict[str, Any]:
    import yaml

    pairs = {}
    for part in (rule or "").split(","):
        key, equals, value = part.partition("=")
        if part.strip() and not equals:
            raise UsageError("U03", f"--rule {part!r}: expected key=value, as in score=0.6")
        if equals:
            pairs[key.strip()] = yaml.safe_load(value)
    return pairs
