from __future__ import annotations

from typing import Any

import pytest

from relook.structures.rules.reading import Reading


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"channels": ()}, "numbers from 0"),
        ({"channels": (-1,)}, "numbers from 0"),
        ({"percentiles": (99, 1)}, "rise"),
        ({"bounds": ((5, 5),)}, "low below high"),
        ({"intensities": "bounds"}, "needs bounds"),
        ({"intensities": "auto", "bounds": ((0, 1),)}, "belong to"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Reading(**fields)


def test_what_is_not_said_is_taken_from_the_model() -> None:
    model = Reading(channels=(1,), z="mean", intensities="bounds", bounds=((0, 9),))
    assert Reading().over(model) == model
    assert Reading(page=2, z=3).over(model) == Reading(
        channels=(1,), page=2, z=3, intensities="bounds", bounds=((0, 9),)
    )
    mapped = Reading(intensities="percentiles").over(model)
    assert (mapped.scale, mapped.bounds, mapped.channels) == ("percentiles", None, (1,))


def test_a_model_stores_everything_that_it_used() -> None:
    record = Reading().explicit().record()
    assert record == {"intensities": "auto", "percentiles": (1.0, 99.8)}
    bounds = Reading(bounds=((0, 4095),)).explicit()
    assert bounds.record() == {"intensities": "bounds", "bounds": ((0, 4095),)}


def test_words() -> None:
    assert Reading().words() == [
        "8 bits as they are; else percentiles 1 and 99.8 of each image and channel become 0 and 255"
    ]
    words = Reading(channels=(2, 0), page=1, z="max", bounds=((0, 9),)).words()
    assert words == ["channels 2, 0", "page 1", "z max", "values 0 to 9 become 0 to 255"]
    assert "all training images" in Reading(intensities="data").mapping_words()


def test_one_channel_is_repeated_and_others_are_not() -> None:
    depths = [Reading(channels=chosen).depth for chosen in (None, (4,), (0, 1), (0, 1, 2, 3))]
    assert depths == [3, 3, 2, 4]
