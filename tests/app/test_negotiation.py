"""The kind of an answer."""

from __future__ import annotations

import pytest

from relook.app.negotiation import Choice, choose
from relook.app.refusals import Refusal
from relook.errors import UsageError


@pytest.mark.parametrize(
    ("accept", "kind", "choice"),
    [
        ("", None, Choice("json")),
        ("*/*", None, Choice("json")),
        ("application/json", None, Choice("json")),
        ("text/csv", None, Choice("csv")),
        ("text/*", None, Choice("csv")),
        ("application/geo+json", None, Choice("geojson")),
        ("image/png", None, Choice("labels")),
        ("image/png", "overlay", Choice("overlay")),
        ("image/png;kind=overlay", None, Choice("overlay")),
        ('image/png; kind="overlay"; q=0.5, text/csv;q=0.4', None, Choice("overlay")),
        ("image/png;kind=overlay", "labels", Choice("labels")),
        ("image/*", None, Choice("labels")),
        ("image/tiff", None, Choice("labels-tiff")),
        ("*/*", "csv", Choice("csv")),
        ("text/csv;q=0.1, application/json;q=0.9", None, Choice("json")),
        ("text/html, application/xhtml+xml, */*;q=0.8", None, Choice("json")),
        ("*/*, application/json;q=0", None, Choice("csv")),
        ("application/zip", None, Choice("json", zipped=True)),
        ("application/zip", "labels", Choice("labels", zipped=True)),
        ("IMAGE/PNG", None, Choice("labels")),
        ("nonsense, ;;, image/png;q=x, text/csv", None, Choice("csv")),
    ],
)
def test_the_header_and_the_field_choose(accept: str, kind: str | None, choice: Choice) -> None:
    assert choose(accept, kind, 1) == choice


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html", None), ("text/csv", "overlay"), ("*/*;q=0", None), ("image/webp", None)],
)
def test_what_cannot_be_made_is_406(accept: str, kind: str | None) -> None:
    with pytest.raises(Refusal, match=r"There are json \(application/json\)") as info:
        choose(accept, kind, 1)
    assert info.value.status == 406


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(UsageError, match="U01: kind: 'overlays' is not known; did you mean 'over"):
        choose("*/*", "overlays", 1)
    with pytest.raises(UsageError, match="U01"):
        choose("image/png;kind=x", None, 1)


def test_several_images_need_a_kind_that_has_room_for_them() -> None:
    assert choose("*/*", None, 3) == Choice("json")
    assert choose("text/csv", None, 3) == Choice("csv")
    assert choose("application/zip", "overlay", 3).media == "application/zip"
    with pytest.raises(UsageError, match=r"U04: labels is a file of one image, and there are 3"):
        choose("image/png", None, 3)
