"""The record that ``--json`` prints."""

from __future__ import annotations

import json

from relook.inference.results import Result


def test_everything_but_the_pixels_is_in_the_record(odd: Result) -> None:
    record = json.loads(json.dumps(odd.to_json()))
    assert (record["source"], record["height"], record["width"]) == ("a.png", 12, 16)
    assert record["counts"] == {"cell": 2, "=crystal": 2}
    assert [entry["category_id"] for entry in record["objects"]] == [3, 7, 3, 7]
    assert record["objects"][0]["mask"] == (odd.masks or ())[0]
    assert "segments" not in record and "scale" not in record
