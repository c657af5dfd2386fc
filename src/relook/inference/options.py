"""One request for a prediction: made once, passed whole from the command line to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypedDict, Unpack

from ..config.base import overlay
from ..config.model import PanopticConfig
from ..data.panoptic.labels import StuffLabels
from ..errors import UsageError, did_you_mean
from ..structures.rules.reading import DEFAULT_READING, Reading
from .results import SHOWN_FROM
from .scaling import Diameter, check_diameter, parse_diameter
from .tiles.rule import Choice, check_choice, parse_choice
from .views import TTA


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticRequest:
    """Panoptic maps are wanted: how objects and labels of pixels are merged, and the labels."""

    rule: PanopticConfig | None = None
    """The fields that it sets stand in for those of the model's own rule."""
    labels: StuffLabels | None = None
    """Meaning of the labels of pixels, or maps of another model; None: as the model says."""

    @property
    def from_model(self) -> bool:
        """Return whether the model labels the pixels, and not files of another one."""
        return self.labels is None or self.labels.folder is None

    def rule_for(self, own: PanopticConfig) -> PanopticConfig:
        """The rule for a model whose `own` it stands in for."""
        return own if self.rule is None else overlay(own, self.rule.model_dump(exclude_unset=True))

    def record(self) -> dict[str, Any]:
        """The request as json values."""
        labels = self.labels
        return {
            "rule": {} if self.rule is None else self.rule.model_dump(exclude_unset=True),
            "labels": None
            if labels is None
            else {str(label): [c.id, c.name] for label, c in labels.categories.items()},
            "maps": None if labels is None or labels.folder is None else str(labels.folder),
        }


class OptionChanges(TypedDict, total=False):
    """Fields of `PredictOptions` as people write them."""

    size: Sequence[int] | None
    score: float | None
    max_dets: int | None
    batch_size: int
    tta: TTA | str | None  # text is that of ``--tta``
    panoptic: PanopticRequest | bool | None  # True: by the model's own rule and labels
    diameter: Diameter | str | None  # text is that of ``--diameter``
    reading: Reading
    tile: Choice | str | None  # text is that of ``--tile``
    agnostic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """Options of a prediction. None is what the model has.

    Raises:
        UsageError: U03 for a value that makes no sense, U04 for two that do not go together.
    """

    size: tuple[int, int] | None = None
    """(long, short) sides in pixels that images are scaled to fit."""
    score: float | None = None
    """Least score of an object, from 0 to 1. None: `Predictor.shown_from`, and in an `Engine`,
    which has no such score, the test threshold of the network."""
    max_dets: int | None = None
    """Most objects in an image. More than the model's own cap raise its number of proposals."""
    batch_size: int = 1
    """Images of one padded size that the network is given at a time."""
    tta: TTA | None = None
    """Views of each image that are merged; scales of them are sizes of their own, so that `size` is
    then refused."""
    panoptic: PanopticRequest | None = None
    """A panoptic map too; None: objects only."""
    diameter: Diameter | None = None
    """Pixels across an object in the image: the image is scaled so that such objects are as large
    as the model's training objects. ``auto``: as a first look finds them. It takes the place of
    `size`."""
    reading: Reading = DEFAULT_READING
    """Page, planes, channels and mapping of intensities; what it leaves open is as the model was
    trained."""
    tile: Choice | None = None
    """Pixels along a side of the square tiles that images are cut into, ``off``, or ``auto``, which
    None is too: tiles where an image is too large for the model (`inference.tiles.rule`)."""
    agnostic: bool = False
    """Objects of all classes suppress each other, so that one object is not found once for each of
    several classes; otherwise only those of one class do."""

    def __post_init__(self) -> None:
        if self.size is not None:
            long, short, *more = (*self.size, 0, 0)
            if len(more) != 2 or not 0 < short <= long:
                raise UsageError("U03", f"size: expected (long, short) in pixels, got {self.size}")
        if self.score is not None and not 0 <= self.score <= 1:
            raise UsageError("U03", f"score: expected a number from 0 to 1, got {self.score}")
        if self.max_dets is not None and self.max_dets < 1:
            raise UsageError("U03", f"max_dets: expected at least 1, got {self.max_dets}")
        if self.batch_size < 1:
            raise UsageError("U03", f"batch_size: expected at least 1, got {self.batch_size}")
        if not isinstance(self.agnostic, bool):
            raise UsageError("U03", f"agnostic: expected True or False, got {self.agnostic!r}")
        if self.label_pixels and self.tta is not None:
            raise UsageError(
                "U04",
                "tta merges objects of several views, not labels of pixels. Leave it out, or "
                "give label maps of another model.",
            )
        if self.size is not None and self.tta is not None and self.tta.scales:
            raise UsageError(
                "U04",
                "the scales of tta are sizes of their own, and size is another one. Leave one of "
                "the two out.",
            )
        if self.tile is not None:
            check_choice(self.tile)
            if isinstance(self.tile, int) and self.panoptic is not None:
                raise UsageError(
                    "U04",
                    "tile: panoptic maps are made of whole images. Leave tile out, or ask for "
                    "objects only.",
                )

        if self.diameter is not None:
            self._check_diameter(self.diameter)

    def _check_diameter(self, diameter: Diameter) -> None:
        check_diameter(diameter)
        if self.size is not None:
            raise UsageError(
                "U04",
                "size and diameter both decide how large the network sees an image. Leave one of "
                "them out.",
            )
        if self.tta is not None and self.tta.scales:
            raise UsageError(
                "U04",
                "the scales of tta are sizes of their own, and diameter decides the size. Leave "
                "scales out of tta (flip goes with a diameter), or leave diameter out.",
            )

    @property
    def label_pixels(self) -> bool:
        """Return whether the network is to label every pixel."""
        return self.panoptic is not None and self.panoptic.from_model

    def reading_for(self, own: Reading) -> Reading:
        """The reading of images for a model that was trained with the reading `own`.

        Raises:
            UsageError: U04 for another number of channels than the network has, and for intensities
            that only a training can measure.
        """
        reading = self.reading.over(own)
        if reading.scale == "data":
            raise UsageError(
                "U04",
                "intensities: data is measured by a training, and stored in its model. Leave it "
                "out to map as the model was trained, or give values such as 0:4095.",
            )
        if reading.depth != own.depth:
            raise UsageError(
                "U04",
                f"channels {', '.join(map(str, reading.channels or ()))}: the network takes "
                f"{own.depth} channels. Choose {'one or three' if own.depth == 3 else own.depth}.",
            )
        return reading

    def with_(self, **changes: Unpack[OptionChanges]) -> PredictOptions:
        """A copy with fields changed, from values as people write them.

        Raises:
            UsageError: U02 for a name that is no option, else as `PredictOptions`.
        """
        if not changes:
            return self
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise UsageError("U02", f"unknown option {name!r}; {did_you_mean(name, known)}")
        values: dict[str, Any] = dict(changes)
        if (size := values.get("size")) is not None:
            values["size"] = tuple(int(side) for side in size)
        if isinstance(tta := values.get("tta"), str):
            values["tta"] = TTA.parse(tta)
        if isinstance(diameter := values.get("diameter"), str):
            values["diameter"] = parse_diameter(diameter)
        if isinstance(tile := values.get("tile"), str):
            values["tile"] = parse_choice(tile)
        if isinstance(panoptic := values.get("panoptic"), bool):
            values["panoptic"] = PanopticRequest() if panoptic else None
        return replace(self, **values)

    def record(self) -> dict[str, Any]:
        """Everything that results depend on, as json values: all but the size of batches."""
        return {
            "size": None if self.size is None else list(self.size),
            "score": self.score,
            "max_dets": self.max_dets,
            "tta": None if self.tta is None else asdict(self.tta),
            "panoptic": None if self.panoptic is None else self.panoptic.record(),
            "diameter": self.diameter,
            "reading": self.reading.record(),
            "tile": self.tile,
            "agnostic": self.agnostic,
        }


def shown_score(extra: Mapping[str, Any]) -> float:
    """The score from which objects are found, by the `extra` values of a model file."""
    score = extra.get("shown_from")
    return score if isinstance(score, float) and 0 <= score <= 1 else SHOWN_FROM
