"""Options of panoptic segmentation, shared by ``relook predict`` and ``relook eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..inference.options import PanopticRequest

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
        help="Meaning of the labels of pixels: coco-stuff (published HTC and DetectoRS weights), "
        "or a json file. [default: that of the model's training]",
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


def panoptic_request(
    task: str, rule: str | None, stuff_labels: str | None, stuff_maps: Path | None
) -> PanopticRequest | None:
    """Build the request of the options; None without ``--task panoptic``.

    Raises:
        UsageError: U04 for options that contradict each other, U02 or U03 for a bad rule.
        DataError: D01, D03 or D04 for labels or maps that cannot be read.
    """
    options: dict[str, object] = {"rule": rule, "stuff-labels": stuff_labels}
    options["stuff-maps"] = stuff_maps
    named = [f"--{name}" for name, value in options.items() if value is not None]
    if task != "panoptic":
        if named:
            raise UsageError("U04", f"{', '.join(named)}: only with --task panoptic.")
        return None
    if stuff_maps is not None and stuff_labels is None:
        raise UsageError(
            "U04",
            "--stuff-maps: give the meaning of the labels in these files with --stuff-labels.",
        )
    from ..config.base import validated
    from ..config.model import PanopticConfig
    from ..data.panoptic.labels import StuffLabels
    from ..inference.options import PanopticRequest

    labels = None if stuff_labels is None else StuffLabels.named(stuff_labels)
    if labels is not None and stuff_maps is not None:
        labels = labels.in_folder(stuff_maps)
    return PanopticRequest(rule=validated(PanopticConfig, _pairs(rule)), labels=labels)


def _pairs(rule: str | None) -> dict[str, Any]:
    from ..config.yaml_text import BadYaml, load_yaml

    pairs = {}
    for part in (rule or "").split(","):
        key, equals, value = part.partition("=")
        if part.strip() and not equals:
            raise UsageError("U03", f"--rule {part!r}: expected key=value, as in score=0.6")
        if equals:
            try:
                pairs[key.strip()] = load_yaml(value)
            except BadYaml as error:
                raise UsageError("U03", f"--rule {part!r}: {error}. Correct it.") from None
    return pairs
