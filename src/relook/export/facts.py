"""Facts that an ONNX file holds beside the header of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from ..structures.detection import Size
from ..weights.header import Header

INPUTS: Final = ("image", "size", "scale", "score")
OUTPUTS: Final = ("boxes", "scores", "labels", "masks")
KEY: Final = "relook_onnx"
VERSION: Final = 1
_LARGEST: Final = 2**16  # pixels along a side of a canvas
_MOST: Final = 10**6  # objects


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one ONNX file.

    Raises:
        ValueError: values that no file of relook has.
    """

    canvas: Size | None  # (height, width) that the picture is padded to; None: multiples of 32
    max_detections: int  # an image
    stored: Literal["float32", "float16"] = "float32"  # numbers of the weights
    source_sha256: str | None = None  # of the model file that it was made of

    def __post_init__(self) -> None:
        height, width = self.canvas or (96, 96)
        if not all(
            type(side) is int and 96 <= side <= _LARGEST and side % 32 == 0
            for side in (height, width)
        ):
            raise ValueError("canvas: two multiples of 32 from 96 on")
        if type(self.max_detections) is not int or not 0 < self.max_detections <= _MOST:
            raise ValueError("max_detections: a number of objects above 0")
        if self.stored not in ("float32", "float16"):
            raise ValueError("stored: float32 or float16")
        if not isinstance(self.source_sha256, str | None):
            raise ValueError("source_sha256: a text")

    @classmethod
    def parse(cls, metadata: Mapping[str, str]) -> Self:
        """The facts in the `metadata` of a file.

        Raises:
            KeyError, TypeError, ValueError: for metadata without them, or with others.
        """
        values: dict[str, Any] = dict(json.loads(metadata[KEY]))
        version = values.pop("version")
        if version != VERSION:
            raise ValueError(f"form {version!r:.20}, and this relook reads {VERSION}")
        if values.get("canvas") is not None:
            values["canvas"] = tuple(values["canvas"])
        return cls(**values)

    def metadata(self, header: Header) -> dict[str, str]:
        """The facts, and what a program without relook needs, by names that people can read."""
        config = header.config
        mean, std = config.input.normalisation
        plain: dict[str, Any] = {
            "class_names": [category.name for category in header.classes],
            "long_and_short_side": list(config.input.size),
            "mean": list(mean),
            "std": list(std),
            "intensities": config.input.reading.mapping_words(),
            "score": header.extra.get("shown_from"),
            "least_score": config.cascade.select.score_threshold,
            "licence": header.licence,
        }
        return {
            KEY: json.dumps({"version": VERSION, **asdict(self)}),
            **{name: json.dumps(value) for name, value in plain.items()},
        }
