"""Fields of a request, in its address or its form: which model, with what options, and the answer.

The options of a prediction have the names and the rules of `PredictOptions`; what is read of an
image is written as in the options of commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ..data.images.spelled import parse_reading
from ..errors import UsageError, brief, did_you_mean
from ..inference.options import PredictOptions
from ..inference.writers.options import DEFAULT_OPTIONS, SaveOptions, parse_pixel_size

MaskForm = Literal["rle", "polygons", "none"]
_FORMS: Final = ("rle", "polygons", "none")
_OPTIONS: Final = PredictOptions()
_READING: Final = ("channels", "page", "z", "intensities")
_YES: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its words and an example for people, and how its text becomes a value."""

    words: str
    example: str
    parse: Callable[[str, str], Any] = lambda _, text: text
    schema: str = "string"


@dataclass(frozen=True, slots=True)
class Wish:
    """All that a request says beside its images."""

    model: str | None = None
    options: PredictOptions = _OPTIONS
    saving: SaveOptions = DEFAULT_OPTIONS
    kind: str | None = None
    """Kind of the answer, one of `answers.ANSWERS`."""
    masks: MaskForm = "rle"
    """Form of masks in json."""
    name: str | None = None
    """Name of an image that is the body of the request."""


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("U03", f"{name}: expected a number, got {brief(text)}") from None


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise UsageError("U03", f"{name}: expected a whole number, got {brief(text)}")
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text.lower() not in _YES:
        raise UsageError("U03", f"{name}: expected true or false, got {brief(text)}")
    return _YES[text.lower()]


def _sides(name: str, text: str) -> tuple[int, ...]:
    return tuple(_whole(name, part) for part in re.split(r"[ ,x]+", text.strip()))


def _form(name: str, text: str) -> str:
    if text not in _FORMS:
        raise UsageError("U03", f"{name}: expected rle, polygons or none, got {brief(text)}")
    return text


def _length(_: str, text: str) -> tuple[float, float] | None:
    return parse_pixel_size(text)


FIELDS: Final[Mapping[str, Field]] = {
    "model": Field("Name of a model, as GET /models lists them; by default the first.", "nuclei"),
    "score": Field(
        "Least score of an object, from 0 to 1; by default the model's.", "0.5", _number, "number"
    ),
    "max_dets": Field("Most objects in an image.", "300", _whole, "integer"),
    "size": Field(
        "LONG,SHORT sides in pixels that images are scaled to fit; by default the model's.",
        "1333,800",
        _sides,
    ),
    "diameter": Field(
        "Pixels across an object, or auto: the image is scaled so that objects are as large as in "
        "the training. In place of size.",
        "35",
    ),
    "tile": Field("Pixels along a side of tiles that images are cut into, auto, or off.", "auto"),
    "tta": Field("Test-time augmentation: flip, scales=800:1200 and so on.", "flip"),
    "agnostic": Field("Objects of all classes suppress each other.", "true", _truth, "boolean"),
    "panoptic": Field(
        "A panoptic map too, for models that label pixels.", "true", _truth, "boolean"
    ),
    "channels": Field("Channels by number, from 0, with commas.", "0,1,2"),
    "page": Field("Page or time point of a file with several, from 0.", "0", _whole, "integer"),
    "z": Field("max, mean, or the number of a plane of a z-stack.", "max"),
    "intensities": Field(
        "Values that become 0 to 255: auto, percentiles, percentiles=1:99.8, or 0:4095.",
        "0:4095",
    ),
    "kind": Field(
        "Kind of the answer, where its media type has several, or in a zip: json, csv, geojson, "
        "labels, labels-tiff, overlay.",
        "overlay",
    ),
    "masks": Field("Masks in json: rle (run lengths of COCO), polygons or none.", "rle", _form),
    "simplify": Field("Pixels that polygons may leave the mask by.", "0", _number, "number"),
    "pixel_size": Field(
        "Size of a pixel for measurements, such as 0.25um; by default as the image says.",
        "0.25um",
        _length,
    ),
    "labels": Field("Words in overlays: auto or off.", "auto"),
    "name": Field("Name of an image that is the body of the request.", "a.png"),
}
"""All fields by name."""


def wish_of(pairs: Iterable[tuple[str, str]]) -> Wish:
    """Parse the fields of a request; an empty one says nothing.

    Raises:
        UsageError: U02 for a field that is not known, U03 for a value that makes no sense, U04 for
            a field that is there twice and for options that do not go together.
    """
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name == "batch_size":
            raise UsageError(
                "U04", "batch_size: the server chooses it (relook serve --batch). Leave it out."
            )
        if name not in FIELDS:
            raise UsageError(
                "U02", f"unknown field {brief(name)}; {did_you_mean(name, [*FIELDS, 'images'])}"
            )
        if name in values:
            raise UsageError("U04", f"{name}: it is there twice. Leave one out.")
        if text:
            values[name] = FIELDS[name].parse(name, text)
    form = cast(MaskForm, values.pop("masks", "rle"))
    own = {key: values.pop(key) for key in ("model", "kind", "name") if key in values}
    saving = SaveOptions(
        **{key: values.pop(key) for key in ("simplify", "pixel_size", "labels") if key in values}
    )
    reading = parse_reading(**{key: values.pop(key) for key in _READING if key in values})
    return Wish(
        options=PredictOptions().with_(reading=reading, **values),
        saving=saving,
        masks=form,
        **own,
    )
