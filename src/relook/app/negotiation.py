"""Choice of the kind of an answer, by the Accept header and the field `kind`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError, brief, did_you_mean
from .refusals import Refusal

ZIP: Final = "application/zip"


@dataclass(frozen=True, slots=True)
class Answer:
    """A kind of answer: its media type, its words, the ending of its files."""

    media: str
    words: str
    ending: str
    takes_many: bool = False
    """True where one answer has the results of several images."""


ANSWERS: Final[Mapping[str, Answer]] = {
    "json": Answer(
        "application/json", "objects with run lengths or polygons", ".json", takes_many=True
    ),
    "csv": Answer("text/csv", "a row for each object, measured", ".csv", takes_many=True),
    "geojson": Answer("application/geo+json", "polygons for QuPath and GIS", ".geojson"),
    "labels": Answer("image/png", "the number of the object at each pixel, 16 bits", ".png"),
    "labels-tiff": Answer("image/tiff", "the same, 16 or 32 bits", ".tif"),
    "overlay": Answer("image/png", "the image with its objects drawn in", ".png"),
}
"""Kinds of answers, the most usual first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind of an answer, and whether it is a zip with a file for each image."""

    kind: str
    zipped: bool = False

    @property
    def media(self) -> str:
        """The media type of the answer."""
        return ZIP if self.zipped else ANSWERS[self.kind].media


@dataclass(frozen=True, slots=True)
class _Range:
    media: str
    kind: str | None
    quality: float

    def takes(self, media: str) -> bool:
        main, _, sub = self.media.partition("/")
        return self.media in ("*/*", media) or (sub == "*" and media.startswith(f"{main}/"))


def choose(accept: str, kind: str | None, images: int) -> Choice:
    """The kind of the answer for so many images.

    `kind` is that of the field, which goes before ``kind=`` in the header. Without both it is the
    first kind of the media type that is wanted most; json where everything is taken.

    Raises:
        Refusal: 406 where nothing that is accepted can be made.
        UsageError: U01 for an unknown kind, U04 for several images and a kind that takes one.
    """
    ranges = sorted(_ranges(accept), key=lambda item: -item.quality)
    refused = {item.media for item in _all_ranges(accept) if item.quality == 0}
    for item in ranges:
        wanted = kind or item.kind
        if wanted is not None and wanted not in ANSWERS:
            raise UsageError(
                "U01", f"kind: {brief(wanted)} is not known; {did_you_mean(wanted, ANSWERS)}"
            )
        if item.media == ZIP:
            return Choice(wanted or "json", zipped=True)
        for name, answer in ANSWERS.items():
            if wanted in (None, name) and item.takes(answer.media) and answer.media not in refused:
                return _single(name, images)
    raise Refusal(
        406,
        f"Accept {brief(accept)}"
        + (f" and kind {kind}" if kind else "")
        + ": there is no such answer",
        "There are "
        + ", ".join(f"{name} ({answer.media})" for name, answer in ANSWERS.items())
        + f", and {ZIP} with any of them.",
    )


def _single(kind: str, images: int) -> Choice:
    if images > 1 and not ANSWERS[kind].takes_many:
        raise UsageError(
            "U04",
            f"{kind} is a file of one image, and there are {images}. Send them one by one, or "
            f"accept {ZIP}, with the field kind={kind}.",
        )
    return Choice(kind)


def _ranges(accept: str) -> Iterator[_Range]:
    return (item for item in _all_ranges(accept) if item.quality > 0)


def _all_ranges(accept: str) -> Iterator[_Range]:
    """Media ranges of the header in their order; everything where it is empty."""
    for part in (accept or "*/*").split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        values = dict(word.partition("=")[::2] for word in parameters)
        try:
            quality = float(values.get("q", "1"))
        except ValueError:
            quality = 0.0
        if media:
            yield _Range(media.lower(), values.get("kind", "").strip('"') or None, quality)
