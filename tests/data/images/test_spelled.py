from __future__ import annotations

from typing import Any

import pytest

from relook.data.images.spelled import parse_reading
from relook.errors import UsageError
from relook.structures.rules.reading import Reading


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ({}, {}),
        ({"channels": "2"}, {"channels": (2,)}),
        ({"channels": "0,1,2", "page": 3}, {"channels": (0, 1, 2), "page": 3}),
        ({"z": "mean"}, {"z": "mean"}),
        ({"z": "7"}, {"z": 7}),
        ({"intensities": "auto"}, {"intensities": "auto"}),
        ({"intensities": "data"}, {"intensities": "data"}),
        (
            {"intensities": "percentiles=0.5:99"},
            {"intensities": "percentiles", "percentiles": (0.5, 99.0)},
        ),
        ({"intensities": "0:4095"}, {"intensities": "bounds", "bounds": ((0.0, 4095.0),)}),
        (
            {"intensities": "-5:10,0:1e3"},
            {"intensities": "bounds", "bounds": ((-5.0, 10.0), (0.0, 1000.0))},
        ),
    ],
)
def test_what_is_written_and_what_it_means(text: dict[str, Any], fields: dict[str, Any]) -> None:
    assert parse_reading(**text) == Reading(**fields)


@pytest.mark.parametrize(
    "text",
    [
        {"channels": "red"},
        {"channels": ""},
        {"channels": "-1"},
        {"z": "min"},
        {"z": "-1"},
        {"intensities": "12"},
        {"intensities": "9:1"},
        {"intensities": "percentiles=1"},
        {"intensities": "percentiles=50:200"},
    ],
)
def test_other_text_is_refused(text: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="U03"):
        parse_reading(**text)
