"""Fields of a request."""

from __future__ import annotations

from dataclasses import fields

import pytest

from relook.app.fields import FIELDS, Wish, wish_of
from relook.errors import UsageError
from relook.inference.options import OptionChanges, PredictOptions
from relook.structures.rules.reading import Reading


def test_nothing_said_is_what_the_model_has() -> None:
    assert wish_of([]) == Wish() == wish_of([("score", ""), ("model", "")])


def test_fields_are_the_options_of_a_prediction() -> None:
    wish = wish_of(
        [
            ("model", "nuclei"),
            ("score", "0.25"),
            ("max_dets", "7"),
            ("size", "640,480"),
            ("tile", "512"),
            ("tta", "flip"),
            ("agnostic", "true"),
            ("channels", "2"),
            ("page", "1"),
            ("z", "mean"),
            ("intensities", "0:4095"),
            ("kind", "csv"),
            ("masks", "polygons"),
            ("simplify", "1.5"),
            ("pixel_size", "0.5x0.25um"),
            ("labels", "off"),
            ("name", "a.png"),
        ]
    )
    reading = Reading(channels=(2,), page=1, z="mean", intensities="bounds", bounds=((0, 4095),))
    assert wish.options == PredictOptions().with_(
        score=0.25,
        max_dets=7,
        size=(640, 480),
        tile="512",
        tta="flip",
        agnostic=True,
        reading=reading,
    )
    assert (wish.model, wish.kind, wish.masks, wish.name) == ("nuclei", "csv", "polygons", "a.png")
    assert wish.saving.record() == {"pixel_size": [0.5, 0.25], "simplify": 1.5, "labels": "off"}


def test_every_option_can_be_said() -> None:
    """A new option of predictions gets a field, or is named here with the reason."""
    parts_of_reading = {"channels", "page", "z", "intensities"}
    chosen_by_the_server = {"batch_size"}
    options = {field.name for field in fields(PredictOptions)} | set(OptionChanges.__annotations__)
    missing = options - {"reading"} - chosen_by_the_server - set(FIELDS)
    assert not missing and parts_of_reading <= set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_every_example_is_one(name: str) -> None:
    assert wish_of([(name, FIELDS[name].example)]) is not None


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("scor", "1")], "U02: unknown field 'scor'; did you mean 'score'"),
        ([("image", "1")], "did you mean 'images'"),
        ([("__class__", "1")], "U02"),
        ([("score", "0.2"), ("score", "0.9")], "U04: score: it is there twice"),
        ([("score", "2")], "U03: score: expected a number from 0 to 1"),
        ([("score", "nan")], "U03: score"),
        ([("score", "much")], "U03: score: expected a number, got 'much'"),
        ([("max_dets", "1" * 5000)], "U03: max_dets: expected a whole number"),
        ([("max_dets", "0")], "U03: max_dets"),
        ([("size", "640")], "U03: size"),
        ([("size", "a,b")], "U03: size: expected a whole number, got 'a'"),
        ([("agnostic", "maybe")], "U03: agnostic: expected true or false"),
        ([("masks", "all")], "U03: masks: expected rle, polygons or none"),
        ([("tile", "-5")], "U03"),
        ([("intensities", "high")], "U03"),
        ([("pixel_size", "5")], "U03"),
        ([("simplify", "-1")], "U03: simplify"),
        ([("labels", "big")], "U01: labels"),
        ([("diameter", "30"), ("size", "640,480")], "U04: size and diameter"),
        ([("batch_size", "4")], "U04: batch_size: the server chooses it"),
    ],
)
def test_wrong_fields_have_the_messages_of_options(
    pairs: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as info:
        wish_of(pairs)
    assert len(str(info.value)) < 400
