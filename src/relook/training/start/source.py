"""Starting point of a training: random numbers, a backbone, or a model trained before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...config.cascades import DSCConfig
from ...config.presets import PRESETS
from ...errors import UsageError
from ...interop.structure import preset_of
from ...models.detector import Detector
from ...weights.file import SavedModel
from ..settings import Settings
from ..sources import Sources
from .continued import continued_detector
from .fresh import fresh_detector


@dataclass(frozen=True, slots=True)
class Start:
    """Initial weights, their file, and the reasons for the settings of their training."""

    saved: SavedModel
    path: Path
    reasons: tuple[str, ...] = ()  # lines of the plan
    names: Mapping[str, str] = field(default_factory=dict)  # class of the data -> of the weights


def first_detector(
    settings: Settings, sources: Sources, start: Start | None, say: Callable[[str], None]
) -> Detector:
    """Build the initial detector of a training of `settings`, from `start` if there is one.

    Raises:
        UsageError: U04 when both `start` and the recipe have initial weights; else as
            `fresh_detector` and `continued_detector`.
    """
    recipe = settings.train
    if start is None:
        return fresh_detector(settings.model, recipe.seed, say, recipe.backbone_from)
    if recipe.backbone_from is not None:
        raise UsageError(
            "U04",
            f"the weights of {start.path} and train.backbone_from {recipe.backbone_from} are two "
            "starts. Leave one of them out.",
        )
    return continued_detector(
        settings.model,
        sources.train.classes,
        start.saved,
        start.path,
        recipe.seed,
        say,
        semantics=sources.semantics.mode,
        stuff=sources.stuff,
        names=start.names,
    )


def recipe_name(start: Start) -> str:
    """The preset of the weights, for the recipe and the name of the run.

    It is the one they were trained as, or else, for imported weights, the one of their
    structure; a structure that no preset has goes by the simplest preset with its kind of heads.
    """
    named = str(start.saved.extra.get("preset", ""))
    if named in PRESETS:
        return named
    cascade = start.saved.config.cascade
    if isinstance(cascade, DSCConfig):
        family = "dsc-r50"
    elif cascade.hybrid.interleaved:
        family = "htc-r50"
    else:
        family = "cascade-mask-r50" if cascade.masks else "cascade-r50"
    return preset_of(start.saved.config) or family
